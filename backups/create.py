"""Making a backup.

The objects first, then the database, then the objects that came in between; the manifest last. Why so is in
docs/decisions/0021-backup.md.
"""

import gzip
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import IO, BinaryIO, cast

from django.conf import settings
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Max, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from backups.engines import engine
from backups.engines.base import Engine, Snapshot, Tools
from backups.exceptions import BackupError
from backups.manifest import Manifest, name_for
from backups.mirror import Fate, Mirror, Wanted, still_wanted, wanted
from backups.prune import Removed, thin
from backups.repository import Shelf
from backups.restore_marker import refuse_unfinished
from simulations.models import Execution, StageRun
from storage.choices import Status
from storage.models import Rosbag
from storage.objects import backup_store, object_store
from storage.services.rosbags.digest import HashingReader

TRIES = 3
Tell = Callable[[str, int, int], None]
"""Hears what is done: a word, how much of it, and of how much (0: nobody knows); bytes."""


@dataclass
class Made:
    """What a backup did. `lost`: keys of objects that were missing or damaged in the storage."""

    manifest: Manifest | None = None
    fates: Counter[str] = field(default_factory=Counter)
    copied_bytes: int = 0
    lost: list[str] = field(default_factory=list)
    removed: Removed = field(default_factory=Removed)
    seconds: float = 0.0


@dataclass(frozen=True)
class _Facts:
    """What the snapshot says of itself."""

    at: datetime
    migrations: list[str]
    rosbags: int
    object_bytes: int
    highest: dict[str, int]


class Taker:
    """One backup on its way.

    Raises:
        BackupError: it cannot be made; nothing of it counts.
        StoreError: a storage is away or refuses; called again it goes on where it was.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._engine: Engine = engine()
        self._made = Made()
        self._mirror: Mirror | None = None

    def run(self, *, database: bool = True, objects: bool = True) -> Made:
        began = time.monotonic()
        tools = self._engine.tools() if database else None
        shelf = _shelf()
        with self._engine.lock():
            refuse_unfinished()
            shelf.sweep()
            if objects:
                self._mirror = Mirror(object_store(), shelf.store)
                lost = self._bring(wanted(), _all_bytes("default"))
                self._made.lost = sorted(set(lost) & still_wanted(lost))
            if tools is not None:
                self._made.manifest = self._take(shelf, tools, began)
                self._tell(_("Thinning"), 0, 0)
                self._made.removed = thin(shelf, timezone.now(), settings.BACKUP_KEEP_DAYS)
        self._made.seconds = time.monotonic() - began
        return self._made

    def _take(self, shelf: Shelf, tools: Tools, began: float) -> Manifest:
        """The database, and what it names; again where something was purged before it was copied."""
        for left in reversed(range(TRIES)):
            manifest, lost = self._attempt(shelf, tools)
            gone = set(lost) - still_wanted(lost)
            if not gone or not left:
                break
            shelf.remove(manifest.name)
        self._made.lost = sorted(lost)
        manifest = replace(manifest, missing=sorted(lost), seconds=time.monotonic() - began)
        shelf.save_manifest(manifest)
        return manifest

    def _attempt(self, shelf: Shelf, tools: Tools) -> tuple[Manifest, list[str]]:
        with tempfile.TemporaryFile() as listed, tempfile.TemporaryFile() as final:
            with self._engine.snapshot() as snapshot:
                objects = _write(listed, wanted(snapshot.alias))
                facts = _facts(snapshot)
                name = name_for(facts.at, facts.migrations)
                dump = self._dump(shelf, name, snapshot)
            listed.seek(0)
            lost = self._list(listed, final, facts)
            files = HashingReader(final)
            shelf.save_files(name, cast("BinaryIO", files))
        manifest = Manifest(
            name=name,
            made_at=facts.at.isoformat(),
            robotsim=settings.VERSION,
            engine=self._engine.name,
            server=tools.server,
            tool=tools.tool,
            migrations=facts.migrations,
            dump_size=dump.size,
            dump_sha256=dump.sha256,
            files_sha256=files.sha256,
            rosbags=facts.rosbags,
            objects=objects,
            object_bytes=facts.object_bytes,
            mirrored=self._mirror is not None,
            missing=[],
            highest=facts.highest,
            seconds=0.0,
        )
        return manifest, lost

    def _dump(self, shelf: Shelf, name: str, snapshot: Snapshot) -> HashingReader:
        with snapshot.open() as stream:
            reader = _Told(stream, lambda done: self._tell(_("Database"), done, 0))
            shelf.save_dump(name, cast("BinaryIO", reader))
        return reader

    def _list(self, listed: IO[bytes], final: IO[bytes], facts: _Facts) -> list[str]:
        """Write the list of the objects, each with its checksum; the answer is which were lost."""
        lost: list[str] = []
        files = _read(listed)
        with gzip.open(final, "wt", compresslevel=3) as lines:
            if self._mirror is None:
                lines.writelines(_line(file) for file in files if file.sha256)
            else:
                for file in self._carried(files, facts.object_bytes, lost):
                    lines.write(_line(file))
        final.seek(0)
        return lost

    def _bring(self, files: Iterable[Wanted], whole: int) -> list[str]:
        lost: list[str] = []
        for _file in self._carried(files, whole, lost):
            pass
        return lost

    def _carried(self, files: Iterable[Wanted], whole: int, lost: list[str]) -> Iterator[Wanted]:
        """Take files into the mirror; those that are in it now, `lost` gets the keys of the others."""
        assert self._mirror is not None  # noqa: S101  asked before
        done = 0
        for file, fate in self._mirror.take(files):
            done += file.size
            self._tell(_("Objects"), done, whole)
            self._count(file, fate)
            if fate in (Fate.MISSING, Fate.DAMAGED):
                lost.append(file.key)
            else:
                yield file

    def _count(self, file: Wanted, fate: Fate) -> None:
        self._made.fates[fate] += 1
        self._made.copied_bytes += file.size if fate == Fate.COPIED else 0


class _Told(HashingReader):
    """Tells how much was read."""

    def __init__(self, source: IO[bytes], tell: Callable[[int], None]) -> None:
        super().__init__(source)
        self._told = tell

    def read(self, size: int = -1) -> bytes:
        chunk = super().read(size)
        self._told(self.size)
        return chunk


def _shelf() -> Shelf:
    """The store of the backups, once it is known to be a place of its own."""
    kept, live = backup_store(), object_store()
    if kept.is_same(live):
        raise BackupError(
            _("Backups would lie among the rosbags: name another BACKUP_BUCKET than MINIO_BUCKET.")
        )
    kept.check()
    live.check()
    return Shelf(kept)


def _facts(snapshot: Snapshot) -> _Facts:
    using = snapshot.alias
    applied = MigrationRecorder(connections[using]).applied_migrations()
    highest = {
        model._meta.db_table: model.objects.using(using).aggregate(top=Max("pk"))["top"] or 0  # noqa: SLF001
        for model in (Rosbag, Execution, StageRun)
    }
    return _Facts(
        timezone.now(),
        sorted(f"{app}.{name}" for app, name in applied),
        Rosbag.objects.using(using).count(),
        _all_bytes(using),
        highest,
    )


def _all_bytes(using: str) -> int:
    rosbags = Rosbag.objects.using(using).exclude(status=Status.UPLOADING)
    found = rosbags.aggregate(whole=Sum("files__size"))
    return int(found["whole"] or 0)


def _write(file: IO[bytes], files: Iterable[Wanted]) -> int:
    """Keep a list of files; how many they are."""
    count = 0
    for count, each in enumerate(files, 1):  # noqa: B007
        file.write(_line(each).encode())
    return count


def _read(file: IO[bytes]) -> Iterator[Wanted]:
    return (Wanted(*json.loads(line)) for line in file)


def _line(file: Wanted) -> str:
    return json.dumps([file.key, file.size, file.sha256]) + "\n"
