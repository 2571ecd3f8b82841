"""Imports of complete bundles: a folder of this machine, or the files of one request."""

import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
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
from rosbag2.formats import names
from rosbag2.formats.bundle import DATA_SUFFIXES
from rosbag2.formats.signatures import HEAD_BYTES, foreign
from rosbag2.reading.archive import bare_name, is_archive
from rosbag2.reading.belonging import JOURNAL_SUFFIXES, is_litter
from rosbag2.sandbox import checks
from storage.choices import Status, sentence
from storage.exceptions import BundleRefusedError, PathMissingError, StillRecordedError
from storage.models import MAX_NAME_LENGTH, Rosbag, RosbagFile
from storage.objects.base import StoreError
from storage.services.intake.bundle_paths import (
    check_is_bundle,
    check_links,
    check_paths,
    files_of,
    files_outside,
    left_out,
    own_and_others,
)
from storage.services.intake.uploads import require_open
from storage.services.rosbags.deduplication import SameContentError, verify_unless_duplicate
from storage.services.rosbags.deletion import discard
from storage.services.rosbags.digest import content_digest
from storage.services.rosbags.files import Source, source_of, store_files

IMPORT_SECONDS = 30.0
"""Length of the lease of an import, which may be suspended or cut off from the database for so long."""
STALE_SECONDS = 86_400

OnStored = Callable[[int], None]
"""Called with the number of bytes stored so far."""


def import_path(path: Path, *, name: str = "", on_stored: OnStored | None = None) -> Rosbag:
    """Import from this machine: a bundle's folder, an archive of one, or a single data file.

    An archive is unpacked in a child process with limits, and is not kept. Names that are not Unicode are in
    the code page of the terminal's language.

    Raises:
        PathMissingError, FilesInvalidError: The path is none of them.
        LinkOutsideError: The folder has a link that leaves it.
        BundleRefusedError: It is something else, or the archive has no bundle, several, or unsafe members.
        StillRecordedError: A file changed while it was read; nothing of it is stored.
        StoreError: The storage or the disk is unavailable or full; nothing is left behind.
    """
    if path.is_file() and is_archive(path.name):
        with _unpacked(path) as (folder, beside):
            name = name or bare_name(_decoded(path.name))
            return import_folder(folder, name=name, beside=beside, on_stored=on_stored)
    if path.is_file() and path.name.endswith(DATA_SUFFIXES):
        files = {_decoded(file.name): file for file in [path, *_journals(path)]}
        check_paths(list(files))
        return _store_local(name or bare_name(_decoded(path.name)), files, on_stored=on_stored)
    if path.is_file():
        _refuse_foreign(path)
    return import_folder(path, name=name, on_stored=on_stored)


def _language() -> str:
    """The language of the terminal, such as `ko_KR.UTF-8`."""
    variables = (os.environ.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    return next(filter(None, variables), "")


def _decoded(path: str) -> str:
    """A relative path of this machine as it is stored."""
    return names.decode(os.fsencode(path), _language())


def _refuse_foreign(path: Path) -> None:
    """Refuse a file whose first bytes say what it is instead of a bundle."""
    with path.open("rb") as stream:
        error = foreign(path.name, stream.read(HEAD_BYTES))
    if error is not None:
        raise BundleRefusedError(sentence(error.code, error.details), code=error.code)


def _journals(path: Path) -> list[Path]:
    """SQLite's journal files of a database; after a crash they may hold most of the messages."""
    candidates = [path.with_name(path.name + suffix) for suffix in JOURNAL_SUFFIXES]
    return [file for file in candidates if _is_regular_file(file) and file.stat().st_size > 0]


def _is_regular_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


@contextmanager
def _unpacked(archive: Path) -> Iterator[tuple[Path, list[str]]]:
    """Unpack an archive into a temporary folder; yield its bundle's folder and the files beside that."""
    parent = settings.DATA_DIR / "unpacking"
    parent.mkdir(parents=True, exist_ok=True)
    _remove_stale(parent)
    with TemporaryDirectory(dir=parent) as temporary:
        folder = Path(temporary)
        target = folder / "unpacked"
        verdict = checks.unpack(archive, target, language=_language(), scratch=folder)
        text = sentence(verdict.code, verdict.details)
        if verdict.code == "NO_SPACE":
            raise StoreError(text)
        if verdict.status == "rejected":
            raise BundleRefusedError(text, code=verdict.code)
        bundle = target / str(verdict.details["folder"])
        yield bundle, files_outside(target, bundle)


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
    beside: Iterable[str] = (),
    created_by: Any = None,
    on_stored: OnStored | None = None,
) -> Rosbag:
    """Store a bundle folder and its direct subfolders, and enqueue the verification.

    Files that are no part of the bundle, and those that were `beside` it, are left out with a warning.

    Returns:
        The new rosbag, or the one that has the same content already.

    Raises:
        PathMissingError: There is no such folder.
        FilesInvalidError: It has files, but none of a bundle; nothing of it is stored.
        LinkOutsideError: It has a link that leaves it; nothing of it is stored.
        StillRecordedError: A file changed while it was read; nothing of it is stored.
        StoreError: The storage is unavailable or full; nothing is left behind.
    """
    if not path.is_dir():
        message = _(
            "%(path)s is not a folder, archive or data file: give the folder that contains metadata.yaml, "
            "a .zip or .tar of it, or one .mcap or .db3 file."
        )
        raise PathMissingError(message % {"path": path})
    present = sorted(name for name in files_of(path) if not is_litter(name))
    if present:  # an empty folder is stored too: its verdict explains what is missing
        check_paths([_decoded(relative) for relative in present])
        check_is_bundle(path, present)
        check_links(path, present)
    own, others = own_and_others(path)
    files = {_decoded(relative): path / relative for relative in own}
    name = name or _decoded(path.resolve().name) or "rosbag"
    warnings = left_out([*map(_decoded, others), *beside])
    return _store_local(name, files, created_by, on_stored, warnings=warnings)


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
    name: str, files: list[tuple[str, IO[bytes]]], *, created_by: Any = None, language: str = ""
) -> Iterator[StoredBundle]:
    """Store the files of one request (relative path, stream) as `import_folder` does.

    What is not verified by the end of the block is removed.

    Raises:
        FilesInvalidError: There is no file, an invalid name, or a repeated name.
        StoreError: The storage is unavailable or full; nothing is left behind.
    """
    files = [(names.normal(path), stream) for path, stream in files]
    check_paths([path for path, _stream in files])
    sources = [(path, _opener(stream)) for path, stream in files]
    with _stored_bundle(name, sources, created_by, language=language) as bundle:
        yield bundle


def _store_local(
    name: str,
    files: dict[str, Path],
    created_by: Any = None,
    on_stored: OnStored | None = None,
    **fields: Any,
) -> Rosbag:
    """Store files of this machine, unless a recorder still writes to them."""
    sources = [source_of(relative, path) for relative, path in files.items()]
    try:
        before = {relative: _state(path) for relative, path in files.items()}
        with _stored_bundle(name, sources, created_by, on_stored, **fields) as bundle:
            changed = [place for place, path in files.items() if _state(path) != before[place]]
            if not changed:
                return bundle.verify()
    except FileNotFoundError as error:  # a journal comes and goes with each transaction
        changed = [Path(error.filename).name]
    message = _(
        "%(file)s changed while it was read: stop the recorder, then add the bag again. "
        "Nothing was stored."
    )
    raise StillRecordedError(message % {"file": changed[0]})


def _state(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


@contextmanager
def _stored_bundle(
    name: str,
    sources: Sequence[Source],
    created_by: Any,
    on_stored: OnStored | None = None,
    **fields: Any,
) -> Iterator[StoredBundle]:
    counter = _ByteCounter(on_stored)
    until = leases.end(IMPORT_SECONDS)
    rosbag = Rosbag.objects.create(
        name=name[:MAX_NAME_LENGTH],
        status=Status.UPLOADING,
        created_by=created_by,
        lease_until=until,
        **fields,
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
