"""Restore a system from a backup.

Everything is checked before anything changes. Then the objects are copied, which overwrites nothing, the
database is loaded atomically, and the steps of `after_restore` follow. When the process is killed at any
point, running the same command again continues.
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
from backups.create import ProgressCallback
from backups.engines import engine
from backups.engines.base import Engine
from backups.exceptions import BackupError
from backups.manifest import Manifest
from backups.mirror import CopyResult, Mirror, StoredFile
from backups.repository import LATEST, Repository
from storage.keys import PREFIX, rosbag_id_of
from storage.models import Rosbag
from storage.objects import backup_store, object_store
from storage.services.maintenance import integrity

MAX_NAMED = 5
"""Missing objects that an error message names at most."""
DATA_TABLES = {
    "accounts_user": "users",
    "storage_rosbag": "rosbags",
    "templates_template": "templates",
    "simulations_simulation": "simulations",
}


@dataclass
class RestoreResult:
    """Result of a restore, and of the storage check after it."""

    manifest: Manifest
    report: integrity.Report
    copies: Counter[str] = field(default_factory=Counter)
    copied_bytes: int = 0
    stopped: int = 0
    migrated: list[str] = field(default_factory=list)
    seconds: float = 0.0


def find_backup(name: str) -> Manifest:
    """Return the manifest of the named backup, or of the latest (BackupError, StoreError)."""
    repository = Repository(backup_store())
    return repository.manifest(repository.newest() if name == LATEST else name)


class RestoreJob:
    """One restore.

    Raises:
        BackupError: It is refused and nothing has changed, or the load failed and the database is as before.
        StoreError: A storage is unreachable; another job continues where this one stopped.
    """

    def __init__(self, manifest: Manifest, progress: ProgressCallback) -> None:
        self._manifest = manifest
        self._progress = progress
        self._repository = Repository(backup_store())
        self._engine: Engine = engine()
        self._copies: Counter[str] = Counter()
        self._copied = 0

    def run(self, *, replace: bool = False, incomplete: bool = False) -> RestoreResult:
        started = time.monotonic()
        marker = restore_marker.unfinished()
        if marker is not None and marker[0] == self._manifest.name:
            highest = marker[1]
        else:
            highest = self._load(replace=replace, incomplete=incomplete)
        self._progress(_("Migrations and runs"), 0, 0)
        migrated = after_restore.migrate()
        stopped = after_restore.end_old_work(highest)
        restore_marker.remove()
        self._progress(_("Check of the storage"), 0, 0)
        report = integrity.check()
        return RestoreResult(
            self._manifest,
            report,
            self._copies,
            self._copied,
            stopped,
            migrated,
            time.monotonic() - started,
        )

    def _load(self, *, replace: bool, incomplete: bool) -> dict[str, int]:
        self._refuse(replace=replace)
        self._progress(_("Checksums"), 0, 0)
        self._repository.verify(self._manifest)
        live = object_store()
        live.check()
        mirror = Mirror(live, self._repository.store)
        if not incomplete:
            _refuse_missing(file for file in self._files() if not mirror.contains(file))
        highest = self._highest()
        self._copy_objects(mirror, incomplete=incomplete)
        self._progress(_("Database"), 0, 0)
        source = self._repository.dump(self._manifest)
        self._engine.load(source, restore_marker.sql(self._manifest.name, highest))
        connection.close()
        return highest

    def _refuse(self, *, replace: bool) -> None:
        manifest = self._manifest
        if manifest.engine != self._engine.name:
            message = _(
                "The backup is of %(backup)s, but DATABASE_URL names %(database)s: they must be the same."
            )
            raise BackupError(message % {"backup": manifest.engine, "database": self._engine.name})
        migrations = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
        available = {f"{app}.{name}" for app, name in migrations}
        if newer := sorted(set(manifest.migrations) - available):
            message = _(
                "Another version of robotsim (%(version)s) made this backup; this one lacks the "
                "migrations %(migrations)s: restore with the version that made it, or a newer one."
            )
            values = {"version": manifest.robotsim, "migrations": ", ".join(newer[:MAX_NAMED])}
            raise BackupError(message % values)
        if not replace and (data := existing_data()):
            message = _(
                "The database is not empty (%(data)s): restore into an empty one, or add --replace to "
                "replace its data."
            )
            raise BackupError(message % {"data": ", ".join(data)})
        self._engine.check_load(manifest)

    def _files(self) -> Iterable[StoredFile]:
        return self._repository.files(self._manifest)

    def _copy_objects(self, mirror: Mirror, *, incomplete: bool) -> None:
        done = 0
        files = (file for file in self._files() if not incomplete or mirror.contains(file))
        for file, result in mirror.copy_back(files):
            done += file.size
            self._progress(_("Objects"), done, self._manifest.object_bytes)
            self._copies[result] += 1
            self._copied += file.size if result == CopyResult.COPIED else 0
            if result in (CopyResult.MISSING, CopyResult.DAMAGED) and not incomplete:
                _refuse_missing([file])

    def _highest(self) -> dict[str, int]:
        """Return the highest used ids: in any backup, in this database, or in the storage."""
        highest = Counter(self._manifest.highest)
        for name in self._repository.names():
            try:
                highest |= Counter(self._repository.manifest(name).highest)
            except BackupError:
                continue
        highest |= Counter(after_restore.highest())
        stored = (rosbag_id_of(info.key) or 0 for info in object_store().list(PREFIX))
        highest |= Counter({Rosbag._meta.db_table: max(stored, default=0)})  # noqa: SLF001
        return dict(highest)


def existing_data() -> list[str]:
    """Name the data that a restore would replace; empty for a database that was only migrated."""
    tables = set(connection.introspection.table_names())
    if not tables:
        return []
    if "django_migrations" not in tables:
        return [_("tables of another program")]
    data = []
    with connection.cursor() as cursor:
        for table, label in DATA_TABLES.items():
            if table in tables:
                cursor.execute(f"SELECT 1 FROM {table} LIMIT 1")  # noqa: S608  names are constants
                data += [label] if cursor.fetchone() else []
    return data


def _refuse_missing(files: Iterable[StoredFile]) -> None:
    keys = [file.key for file in islice(files, MAX_NAMED)]
    if keys:
        message = _(
            "The mirror lacks objects of this backup, such as %(keys)s: use another backup, or add "
            "--incomplete to restore without them."
        )
        raise BackupError(message % {"keys": ", ".join(keys)})
