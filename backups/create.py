"""Create a backup.

First the objects are copied, then the database, then the objects that were added meanwhile; the manifest is
written last. docs/decisions/0021-backup.md gives the reasons.
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
from backups.mirror import CopyResult, Mirror, StoredFile, referenced_keys, stored_files
from backups.prune import PruneResult, prune
from backups.repository import Repository
from backups.restore_marker import refuse_unfinished
from simulations.models import Execution, StageRun
from storage.choices import Status
from storage.models import Rosbag
from storage.objects import backup_store, object_store
from storage.services.rosbags.digest import HashingReader

MAX_TRIES = 3
ProgressCallback = Callable[[str, int, int], None]
"""Takes the name of a step, the bytes done and the bytes in total (0: unknown)."""


@dataclass
class BackupResult:
    """Result of a backup. `missing`: keys of objects that were missing or damaged in the storage."""

    manifest: Manifest | None = None
    copies: Counter[str] = field(default_factory=Counter)
    copied_bytes: int = 0
    missing: list[str] = field(default_factory=list)
    removed: PruneResult = field(default_factory=PruneResult)
    seconds: float = 0.0


@dataclass(frozen=True)
class _SnapshotInfo:
    """Facts about a snapshot that go into the manifest."""

    at: datetime
    migrations: list[str]
    rosbags: int
    object_bytes: int
    highest: dict[str, int]


class BackupJob:
    """One backup.

    Raises:
        BackupError: It cannot be made; the repository has no new backup.
        StoreError: A storage is unreachable or refuses; another job continues where this one stopped.
    """

    def __init__(self, progress: ProgressCallback) -> None:
        self._progress = progress
        self._engine: Engine = engine()
        self._result = BackupResult()
        self._mirror: Mirror | None = None

    def run(self, *, database: bool = True, objects: bool = True) -> BackupResult:
        started = time.monotonic()
        tools = self._engine.tools() if database else None
        repository = _open_repository()
        with self._engine.lock():
            refuse_unfinished()
            repository.remove_stale()
            if objects:
                self._mirror = Mirror(object_store(), repository.store)
                missing: list[str] = []
                for _file in self._copy(stored_files(), _total_bytes("default"), missing):
                    pass
                self._result.missing = sorted(set(missing) & referenced_keys(missing))
            if tools is not None:
                self._result.manifest = self._back_up_database(repository, tools, started)
                self._progress(_("Removal of old backups"), 0, 0)
                self._result.removed = prune(repository, timezone.now(), settings.BACKUP_KEEP_DAYS)
        self._result.seconds = time.monotonic() - started
        return self._result

    def _back_up_database(self, repository: Repository, tools: Tools, started: float) -> Manifest:
        """Dump the database and copy its objects; again when one was purged before it was copied."""
        for remaining in reversed(range(MAX_TRIES)):
            manifest, missing = self._attempt(repository, tools)
            purged = set(missing) - referenced_keys(missing)
            if not purged or not remaining:
                break
            repository.remove(manifest.name)
        self._result.missing = sorted(missing)
        manifest = replace(manifest, missing=sorted(missing), seconds=time.monotonic() - started)
        repository.save_manifest(manifest)
        return manifest

    def _attempt(self, repository: Repository, tools: Tools) -> tuple[Manifest, list[str]]:
        with tempfile.TemporaryFile() as listed, tempfile.TemporaryFile() as final:
            with self._engine.snapshot() as snapshot:
                objects = _write(listed, stored_files(snapshot.alias))
                info = _snapshot_info(snapshot)
                name = name_for(info.at, info.migrations)
                dump = self._dump(repository, name, snapshot)
            listed.seek(0)
            missing = self._write_list(listed, final, info)
            files = HashingReader(final)
            repository.save_files(name, cast("BinaryIO", files))
        manifest = Manifest(
            name=name,
            made_at=info.at.isoformat(),
            robotsim=settings.VERSION,
            engine=self._engine.name,
            server=tools.server,
            tool=tools.tool,
            migrations=info.migrations,
            dump_size=dump.size,
            dump_sha256=dump.sha256,
            files_sha256=files.sha256,
            rosbags=info.rosbags,
            objects=objects,
            object_bytes=info.object_bytes,
            mirrored=self._mirror is not None,
            missing=[],
            highest=info.highest,
            seconds=0.0,
        )
        return manifest, missing

    def _dump(self, repository: Repository, name: str, snapshot: Snapshot) -> HashingReader:
        with snapshot.open() as stream:
            reader = _ProgressReader(stream, lambda done: self._progress(_("Database"), done, 0))
            repository.save_dump(name, cast("BinaryIO", reader))
        return reader

    def _write_list(self, listed: IO[bytes], final: IO[bytes], info: _SnapshotInfo) -> list[str]:
        """Write the list of the objects with their checksums.

        Returns:
            Keys of the objects that are missing or damaged.
        """
        missing: list[str] = []
        files = _read(listed)
        with gzip.open(final, "wt", compresslevel=3) as lines:
            if self._mirror is None:
                lines.writelines(_line(file) for file in files if file.sha256)
            else:
                for file in self._copy(files, info.object_bytes, missing):
                    lines.write(_line(file))
        final.seek(0)
        return missing

    def _copy(
        self, files: Iterable[StoredFile], total: int, missing: list[str]
    ) -> Iterator[StoredFile]:
        """Copy files into the mirror; yields those that are in it now, appends other keys to `missing`."""
        assert self._mirror is not None  # noqa: S101  the caller has checked
        done = 0
        for file, result in self._mirror.copy_in(files):
            done += file.size
            self._progress(_("Objects"), done, total)
            self._result.copies[result] += 1
            self._result.copied_bytes += file.size if result == CopyResult.COPIED else 0
            if result in (CopyResult.MISSING, CopyResult.DAMAGED):
                missing.append(file.key)
            else:
                yield file


class _ProgressReader(HashingReader):
    """Reader that reports the number of bytes read so far."""

    def __init__(self, source: IO[bytes], report: Callable[[int], None]) -> None:
        super().__init__(source)
        self._report = report

    def read(self, size: int = -1) -> bytes:
        chunk = super().read(size)
        self._report(self.size)
        return chunk


def _open_repository() -> Repository:
    """Open the store of the backups, and check that it is not the store of the rosbags."""
    backup, live = backup_store(), object_store()
    if backup.is_same(live):
        raise BackupError(
            _(
                "Backups would be stored among the rosbags: set BACKUP_BUCKET to another bucket than "
                "MINIO_BUCKET."
            )
        )
    backup.check()
    live.check()
    return Repository(backup)


def _snapshot_info(snapshot: Snapshot) -> _SnapshotInfo:
    using = snapshot.alias
    applied = MigrationRecorder(connections[using]).applied_migrations()
    highest = {
        model._meta.db_table: model.objects.using(using).aggregate(top=Max("pk"))["top"] or 0  # noqa: SLF001
        for model in (Rosbag, Execution, StageRun)
    }
    return _SnapshotInfo(
        timezone.now(),
        sorted(f"{app}.{name}" for app, name in applied),
        Rosbag.objects.using(using).count(),
        _total_bytes(using),
        highest,
    )


def _total_bytes(using: str) -> int:
    rosbags = Rosbag.objects.using(using).exclude(status=Status.UPLOADING)
    return int(rosbags.aggregate(total=Sum("files__size"))["total"] or 0)


def _write(file: IO[bytes], files: Iterable[StoredFile]) -> int:
    """Write a list of files, and return their number."""
    count = 0
    for count, stored in enumerate(files, 1):  # noqa: B007
        file.write(_line(stored).encode())
    return count


def _read(file: IO[bytes]) -> Iterator[StoredFile]:
    return (StoredFile(*json.loads(line)) for line in file)


def _line(file: StoredFile) -> str:
    return json.dumps([file.key, file.size, file.sha256]) + "\n"
