"""Imports of complete bundles: a folder of this machine, or the files of one request."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import IO, Any

from django.conf import settings
from django.utils.translation import gettext as _

from common.db import leases
from common.db.leases import Lease
from rosbag2.formats.bundle import DATA_SUFFIXES
from rosbag2.reading.archive import bare_name, is_archive
from rosbag2.sandbox import checks
from storage.choices import Status, sentence
from storage.exceptions import ArchiveRefusedError, PathMissingError
from storage.models import MAX_NAME_LENGTH, Rosbag, RosbagFile
from storage.objects.base import StoreError
from storage.services.intake.bundle_paths import (
    check_is_bundle,
    check_links,
    check_paths,
    files_of,
)
from storage.services.intake.uploads import require_open
from storage.services.rosbags.deduplication import SameContentError, verify_unless_duplicate
from storage.services.rosbags.deletion import discard
from storage.services.rosbags.digest import content_digest
from storage.services.rosbags.files import Source, source_of, store_files

IMPORT_SECONDS = 30.0
"""Length of the lease of an import, which may be suspended or cut off from the database for so long."""
STALE_SECONDS = 86_400
JOURNAL_SUFFIXES = ("-wal", "-journal")

OnStored = Callable[[int], None]
"""Called with the number of bytes stored so far."""


def import_path(path: Path, *, name: str = "", on_stored: OnStored | None = None) -> Rosbag:
    """Import from this machine: a bundle's folder, an archive of one, or a single data file.

    An archive is unpacked in a child process with limits, and is not kept.

    Raises:
        PathMissingError, FilesInvalidError: The path is none of them.
        LinkOutsideError: The folder has a link that leaves it.
        ArchiveRefusedError: The archive has no bundle, several, or unsafe members.
        StoreError: The storage or the disk is unavailable or full; nothing is left behind.
    """
    if path.is_file() and is_archive(path.name):
        with _unpacked(path) as folder:
            return import_folder(folder, name=name or bare_name(path.name), on_stored=on_stored)
    if path.is_file() and path.name.endswith(DATA_SUFFIXES):
        files = [path, *_journals(path)]
        check_paths([file.name for file in files])
        sources = [source_of(path.parent, file.name) for file in files]
        return _store_bundle(name or bare_name(path.name), sources, None, on_stored)
    return import_folder(path, name=name, on_stored=on_stored)


def _journals(path: Path) -> list[Path]:
    """SQLite's journal files of a database; after a crash they may hold most of the messages."""
    candidates = [path.with_name(path.name + suffix) for suffix in JOURNAL_SUFFIXES]
    return [file for file in candidates if _is_regular_file(file) and file.stat().st_size > 0]


def _is_regular_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


@contextmanager
def _unpacked(archive: Path) -> Iterator[Path]:
    """Unpack an archive into a temporary folder and yield the folder of its bundle."""
    parent = settings.DATA_DIR / "unpacking"
    parent.mkdir(parents=True, exist_ok=True)
    _remove_stale(parent)
    with TemporaryDirectory(dir=parent) as temporary:
        folder = Path(temporary)
        verdict = checks.unpack(archive, folder / "unpacked", scratch=folder)
        text = sentence(verdict.code, verdict.details)
        if verdict.code == "NO_SPACE":
            raise StoreError(text)
        if verdict.status == "rejected":
            raise ArchiveRefusedError(text, code=verdict.code)
        yield folder / "unpacked" / str(verdict.details["folder"])


def _remove_stale(parent: Path) -> None:
    """Remove temporary folders that killed imports left behind."""
    limit = time.time() - STALE_SECONDS
    for folder in parent.iterdir():
        with suppress(OSError):  # another import may be removing it
            if folder.stat().st_mtime < limit:
                shutil.rmtree(folder, ignore_errors=True)


def import_folder(
    path: Path,
    *,
    name: str = "",
    created_by: Any = None,
    on_stored: OnStored | None = None,
) -> Rosbag:
    """Store a bundle folder and its direct subfolders, and enqueue the verification.

    Returns:
        The new rosbag, or the one that has the same content already.

    Raises:
        PathMissingError: There is no such folder.
        FilesInvalidError: It has files, but none of a bundle; nothing of it is stored.
        LinkOutsideError: It has a link that leaves it; nothing of it is stored.
        StoreError: The storage is unavailable or full; nothing is left behind.
    """
    if not path.is_dir():
        message = _(
            "%(path)s is not a folder, archive or data file: give the folder that contains metadata.yaml, "
            "a .zip or .tar of it, or one .mcap or .db3 file."
        )
        raise PathMissingError(message % {"path": path})
    paths = sorted(files_of(path))
    if paths:  # an empty folder is stored too: its verdict explains what is missing
        check_paths(paths)
        check_is_bundle(path, paths)
        check_links(path, paths)
    sources = [source_of(path, relative) for relative in paths]
    return _store_bundle(name or path.resolve().name or "rosbag", sources, created_by, on_stored)


@dataclass(frozen=True)
class StoredBundle:
    """A bundle whose files are stored, while its rosbag is still `uploading`."""

    rosbag: Rosbag
    digest: str
    size: int

    def verify(self) -> Rosbag:
        """Enqueue the verification; this asks no other system, and may be rolled back.

        Returns:
            The new rosbag, or the one that has the same content already.

        Raises:
            UploadClosedError: The import was abandoned meanwhile, as its lease had expired.
        """
        try:
            accepted = verify_unless_duplicate(self.rosbag, self.digest, size=self.size)
        except SameContentError as error:
            return error.existing
        self.rosbag.refresh_from_db()
        if not accepted:
            require_open(self.rosbag)
        return self.rosbag


@contextmanager
def stored_files(
    name: str, files: list[tuple[str, IO[bytes]]], *, created_by: Any = None
) -> Iterator[StoredBundle]:
    """Store the files of one request (relative path, stream) as `import_folder` does.

    What is not verified by the end of the block is removed.

    Raises:
        FilesInvalidError: There is no file, an invalid name, or a repeated name.
        StoreError: The storage is unavailable or full; nothing is left behind.
    """
    check_paths([path for path, _stream in files])
    sources = [(path, _opener(stream)) for path, stream in files]
    with _stored_bundle(name, sources, created_by) as bundle:
        yield bundle


def _store_bundle(
    name: str,
    sources: Sequence[Source],
    created_by: Any,
    on_stored: OnStored | None,
) -> Rosbag:
    with _stored_bundle(name, sources, created_by, on_stored) as bundle:
        return bundle.verify()


@contextmanager
def _stored_bundle(
    name: str,
    sources: Sequence[Source],
    created_by: Any,
    on_stored: OnStored | None = None,
) -> Iterator[StoredBundle]:
    counter = _ByteCounter(on_stored)
    until = leases.end(IMPORT_SECONDS)
    rosbag = Rosbag.objects.create(
        name=name[:MAX_NAME_LENGTH],
        status=Status.UPLOADING,
        created_by=created_by,
        lease_until=until,
    )
    try:
        # Whoever is killed here cannot go on: when the lease ends, the import is abandoned.
        with Lease(Rosbag, rosbag.pk, until, seconds=IMPORT_SECONDS):
            files = store_files(rosbag, sources, counter.add)
            RosbagFile.objects.bulk_create(files, batch_size=500)
            digest = content_digest((file.path, file.sha256) for file in files)
            yield StoredBundle(rosbag, digest, sum(file.size for file in files))
    finally:
        for unverified in Rosbag.objects.filter(pk=rosbag.pk, status=Status.UPLOADING):
            discard(unverified)


def _opener(stream: IO[bytes]) -> Callable[[], IO[bytes]]:
    return lambda: stream


class _ByteCounter:
    """Counts the bytes of all files, of which several are stored at once."""

    def __init__(self, on_stored: OnStored | None) -> None:
        self.total = 0
        self._lock = Lock()
        self._on_stored = on_stored

    def add(self, amount: int) -> None:
        with self._lock:
            self.total += amount
            if self._on_stored is not None:
                self._on_stored(self.total)
