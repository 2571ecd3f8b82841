"""Bringing a system back from a backup.

Everything is checked before anything changes; then come the objects, which take nothing away; then the
database, in one step; then what follows from it. Killed at any line, the same command goes on.
"""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils.translation import gettext as _

from backups import after_restore, restore_marker
from backups.create import Tell
from backups.engines import engine
from backups.engines.base import Engine
from backups.exceptions import BackupError
from backups.manifest import Manifest
from backups.mirror import Fate, Mirror, Wanted
from backups.repository import LATEST, Shelf
from storage.keys import PREFIX, rosbag_id_of
from storage.models import Rosbag
from storage.objects import backup_store, object_store
from storage.services.maintenance import integrity

NAMED = 5
"""Missing objects that a refusal names."""
HOLDING = {
    "accounts_user": "users",
    "storage_rosbag": "rosbags",
    "templates_template": "templates",
    "simulations_simulation": "simulations",
}


@dataclass
class Restored:
    """What a restore did, and what the check of the storage found after it."""

    manifest: Manifest
    report: integrity.Report
    fates: Counter[str] = field(default_factory=Counter)
    copied_bytes: int = 0
    stopped: int = 0
    migrated: list[str] = field(default_factory=list)
    seconds: float = 0.0


def find(name: str) -> Manifest:
    """A backup by its name, or the latest (BackupError, StoreError)."""
    shelf = Shelf(backup_store())
    return shelf.manifest(shelf.newest() if name == LATEST else name)


class Restorer:
    """One restore on its way.

    Raises:
        BackupError: it is refused before anything has changed, or the database did not take it and is as
            before.
        StoreError: a storage is away; called again it goes on.
    """

    def __init__(self, manifest: Manifest, tell: Tell) -> None:
        self._manifest = manifest
        self._tell = tell
        self._shelf = Shelf(backup_store())
        self._engine: Engine = engine()
        self._fates: Counter[str] = Counter()
        self._copied = 0

    def run(self, *, replace: bool = False, incomplete: bool = False) -> Restored:
        began = time.monotonic()
        found = restore_marker.unfinished()
        if found is not None and found[0] == self._manifest.name:
            highest = found[1]
        else:
            highest = self._load(replace=replace, incomplete=incomplete)
        self._tell(_("Migrations and runs"), 0, 0)
        migrated = after_restore.migrate()
        stopped = after_restore.settle(highest)
        restore_marker.remove()
        self._tell(_("Check of the storage"), 0, 0)
        report = integrity.check()
        return Restored(
            self._manifest,
            report,
            self._fates,
            self._copied,
            stopped,
            migrated,
            time.monotonic() - began,
        )

    def _load(self, *, replace: bool, incomplete: bool) -> dict[str, int]:
        self._refuse(replace=replace)
        self._tell(_("Checksums"), 0, 0)
        self._shelf.verify(self._manifest)
        live = object_store()
        live.check()
        mirror = Mirror(live, self._shelf.store)
        if not incomplete:
            _refuse_missing(file for file in self._files() if not mirror.holds(file))
        highest = self._highest()
        self._bring(mirror, incomplete=incomplete)
        self._tell(_("Database"), 0, 0)
        source = self._shelf.dump(self._manifest)
        self._engine.load(source, restore_marker.sql(self._manifest.name, highest))
        connection.close()
        return highest

    def _refuse(self, *, replace: bool) -> None:
        manifest = self._manifest
        if manifest.engine != self._engine.name:
            words = {"made": manifest.engine, "here": self._engine.name}
            message = _(
                "The backup is of %(made)s, DATABASE_URL names %(here)s: they must be the same."
            )
            raise BackupError(message % words)
        known = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
        if newer := sorted(set(manifest.migrations) - {f"{app}.{name}" for app, name in known}):
            words = {"version": manifest.robotsim, "migrations": ", ".join(newer[:NAMED])}
            message = _(
                "Another version of robotsim (%(version)s) made this backup; this one does not know "
                "%(migrations)s: restore with the version that made it, or a newer one."
            )
            raise BackupError(message % words)
        if not replace and (held := holdings()):
            message = _(
                "The database is not empty (%(held)s): restore into an empty one, or say --replace to "
                "lose what is in it."
            )
            raise BackupError(message % {"held": ", ".join(held)})
        self._engine.check_load(manifest)

    def _files(self) -> Iterable[Wanted]:
        return self._shelf.files(self._manifest)

    def _bring(self, mirror: Mirror, *, incomplete: bool) -> None:
        done = 0
        files = (file for file in self._files() if not incomplete or mirror.holds(file))
        for file, fate in mirror.give_back(files):
            done += file.size
            self._tell(_("Objects"), done, self._manifest.object_bytes)
            self._fates[fate] += 1
            self._copied += file.size if fate == Fate.COPIED else 0
            if fate in (Fate.MISSING, Fate.DAMAGED) and not incomplete:
                _refuse_missing([file])

    def _highest(self) -> dict[str, int]:
        """The highest id that is known to have been given: in any backup, here, or in the storage."""
        highest = Counter(self._manifest.highest)
        for name in self._shelf.names():
            try:
                highest |= Counter(self._shelf.manifest(name).highest)
            except BackupError:
                continue
        highest |= Counter(after_restore.highest())
        stored = (rosbag_id_of(found.key) or 0 for found in object_store().list(PREFIX))
        highest |= Counter({Rosbag._meta.db_table: max(stored, default=0)})  # noqa: SLF001
        return dict(highest)


def holdings() -> list[str]:
    """What the database holds that a restore would take away; empty for one that was only migrated."""
    tables = set(connection.introspection.table_names())
    if not tables:
        return []
    if "django_migrations" not in tables:
        return [_("tables that are not of robotsim")]
    held = []
    with connection.cursor() as cursor:
        for table, word in HOLDING.items():
            if table in tables:
                cursor.execute(f"SELECT 1 FROM {table} LIMIT 1")  # noqa: S608  names of our own
                held += [word] if cursor.fetchone() else []
    return held


def _refuse_missing(files: Iterable[Wanted]) -> None:
    some = list(islice(files, NAMED))
    if some:
        message = _(
            "The mirror lacks objects of this backup, such as %(keys)s: take another backup, or say "
            "--incomplete to restore without them."
        )
        raise BackupError(message % {"keys": ", ".join(file.key for file in some)})
