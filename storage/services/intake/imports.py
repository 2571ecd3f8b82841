"""Bundles that come as a whole: a folder of this machine, or the files of one request."""

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, BinaryIO, cast

from django.conf import settings
from django.utils.translation import gettext as _

from common.exceptions import FieldError
from rosbag2.formats.bundle import DATA_SUFFIXES
from rosbag2.reading.archive import bare_name, is_archive
from rosbag2.sandbox import checks
from storage.choices import Status, sentence
from storage.exceptions import (
    ArchiveRefusedError,
    FilesInvalidError,
    LinkOutsideError,
    PathMissingError,
)
from storage.keys import LONGEST_PATH, is_safe, object_key
from storage.models import MAX_NAME_LENGTH, Rosbag, RosbagFile
from storage.objects import object_store
from storage.objects.base import StoreError
from storage.services.rosbags.deduplication import SameContentError, settle
from storage.services.rosbags.deletion import discard
from storage.services.rosbags.digest import HashingReader, content_digest

MOST_FILES = 10_000
LEFT_SECONDS = 86_400
JOURNALS = ("-wal", "-journal")
SIGNS = (".yaml", *DATA_SUFFIXES)
"""Ends of the names of which every bundle has at least one."""

OnStored = Callable[[int], None]
"""Hears how many bytes are stored so far."""


def import_path(path: Path, *, name: str = "", on_stored: OnStored | None = None) -> Rosbag:
    """Store what lies on this machine: a bundle's folder, an archive of one, or a single data file.

    An archive is unpacked in a child process with limits, and is not kept.

    Raises:
        PathMissingError, FilesInvalidError: it is none of them.
        LinkOutsideError: the folder holds a link that leads out of it.
        ArchiveRefusedError: the archive holds no bundle, two, or what no archive should.
        StoreError: the storage is away or full, or the disk; nothing stays behind.
    """
    if path.is_file() and is_archive(path.name):
        with _unpacked(path) as folder:
            return import_folder(folder, name=name or bare_name(path.name), on_stored=on_stored)
    if path.is_file() and path.name.endswith(DATA_SUFFIXES):
        files = [path, *_journals(path)]
        check_paths([file.name for file in files])
        sources = ((file.name, file.open("rb")) for file in files)
        return _import(name or bare_name(path.name), sources, None, on_stored)
    return import_folder(path, name=name, on_stored=on_stored)


def _journals(path: Path) -> list[Path]:
    """What SQLite keeps beside a database; after a crash most messages may be there."""
    beside = [path.with_name(path.name + end) for end in JOURNALS]
    return [file for file in beside if _is_plain(file) and file.stat().st_size > 0]


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


@contextmanager
def _unpacked(archive: Path) -> Iterator[Path]:
    """The folder of the one bundle in an archive, for a while."""
    parent = settings.DATA_DIR / "unpacking"
    parent.mkdir(parents=True, exist_ok=True)
    _remove_left(parent)
    with TemporaryDirectory(dir=parent) as private:
        folder = Path(private)
        verdict = checks.unpack(archive, folder / "unpacked", scratch=folder)
        words = sentence(verdict.code, verdict.details)
        if verdict.code == "NO_SPACE":
            raise StoreError(words)
        if verdict.status == "rejected":
            raise ArchiveRefusedError(words, code=verdict.code)
        yield folder / "unpacked" / str(verdict.details["folder"])


def _remove_left(parent: Path) -> None:
    """Remove what killed imports have left."""
    limit = time.time() - LEFT_SECONDS
    for left in parent.iterdir():
        with suppress(OSError):  # another import may be about it
            if left.stat().st_mtime < limit:
                shutil.rmtree(left, ignore_errors=True)


def import_folder(
    path: Path,
    *,
    name: str = "",
    created_by: Any = None,
    on_stored: OnStored | None = None,
) -> Rosbag:
    """Store a bundle folder and its direct subfolders; the rosbag then awaits verification.

    The same content that is there already, usable or awaiting verification, is answered instead.

    Raises:
        PathMissingError: there is no such folder.
        FilesInvalidError: it holds files, but none of a bundle; nothing of it is stored.
        LinkOutsideError: it holds a link that leads out of it; nothing of it is stored.
        StoreError: the storage is away or full; nothing stays behind.
    """
    if not path.is_dir():
        message = _(
            "%(path)s is no folder, archive or data file: give the folder that holds metadata.yaml, a .zip "
            "or .tar of it, or one .mcap or .db3 file."
        )
        raise PathMissingError(message % {"path": path})
    paths = sorted(files_of(path))
    if paths:  # an empty folder is stored too: its verdict says what a bundle needs
        check_paths(paths)
        _check_signs(path, paths)
        _check_links(path, paths)
    sources = ((inner, (path / inner).open("rb")) for inner in paths)
    return _import(name or path.resolve().name or "rosbag", sources, created_by, on_stored)


def import_files(
    name: str, files: list[tuple[str, IO[bytes]]], *, created_by: Any = None
) -> Rosbag:
    """Store the files of one request (relative path, stream) as `import_folder` does.

    Raises:
        FilesInvalidError: no file, a name that no bundle may hold, or the same name twice.
    """
    check_paths([path for path, _stream in files])
    return _import(name, iter(files), created_by)


def check_paths(paths: list[str]) -> None:
    """Refuse file names that lead out of a bundle, repeat or are too many (FilesInvalidError)."""
    if not 0 < len(paths) <= MOST_FILES:
        message = _("A bundle has between 1 and %(most)d files, this one %(count)d.")
        raise FilesInvalidError(message % {"most": MOST_FILES, "count": len(paths)})
    detail = _(
        "Use each name once and not as a folder too, relative to the bundle, without .. or backslash, in "
        "400 letters."
    )
    times = Counter(paths)
    folders = {above for path in set(paths) for above in _folders_of(path)}
    errors = [
        FieldError(f"/files/{index}/path", detail, "FILE_NAME_INVALID")
        for index, path in enumerate(paths)
        if times[path] > 1 or path in folders or not is_safe(path)
    ]
    if errors:
        message = _("%(count)d file names cannot be used: rename the files and try again.")
        raise FilesInvalidError(message % {"count": len(errors)}, errors)


def _folders_of(path: str) -> Iterator[str]:
    """The folders that a file lies in; of a path that is too long none, it is refused anyway."""
    if len(path) <= LONGEST_PATH:
        yield from (path[:at] for at, letter in enumerate(path) if letter == "/")


def _check_signs(folder: Path, paths: list[str]) -> None:
    """Refuse a folder given by mistake: a home folder, say, must not go into the storage."""
    if not any(path.endswith(SIGNS) for path in paths if "/" not in path):
        message = _(
            "%(path)s holds no metadata.yaml and no .db3 or .mcap file: give the folder of the bundle. "
            "Nothing was stored."
        )
        raise FilesInvalidError(message % {"path": folder})


def _check_links(folder: Path, paths: list[str]) -> None:
    """Refuse links that lead out: a stranger's folder must not carry files of this machine away."""
    inside = folder.resolve()
    for path in paths:
        if not (folder / path).resolve().is_relative_to(inside):
            message = _(
                "%(file)s lies outside the bundle's folder, a link leads there: put the file itself into the "
                "folder, or take the link out. Nothing was stored."
            )
            raise LinkOutsideError(message % {"file": path})


def files_of(folder: Path) -> Iterator[str]:
    """The paths of what belongs to a bundle: the files of its folder and of those directly in it."""
    for entry in folder.iterdir():
        if entry.is_file():
            yield entry.name
        elif entry.is_dir():
            yield from (
                f"{entry.name}/{inner.name}" for inner in entry.iterdir() if inner.is_file()
            )


def _import(
    name: str,
    sources: Iterable[tuple[str, IO[bytes]]],
    created_by: Any,
    on_stored: OnStored | None = None,
) -> Rosbag:
    count = _Count(on_stored)
    rosbag = Rosbag.objects.create(
        name=name[:MAX_NAME_LENGTH], status=Status.UPLOADING, created_by=created_by
    )
    try:
        files = [_store(rosbag, path, stream, count) for path, stream in sources]
    except BaseException:
        discard(rosbag)
        raise
    digest = content_digest((file.path, file.sha256) for file in files)
    try:
        settle(rosbag, digest, size=sum(file.size for file in files))
    except SameContentError as error:
        discard(rosbag)
        return error.known
    rosbag.refresh_from_db()
    return rosbag


class _Count:
    """Adds up the bytes of all files."""

    def __init__(self, on_stored: OnStored | None) -> None:
        self.done = 0
        self._on_stored = on_stored

    def add(self, amount: int) -> None:
        self.done += amount
        if self._on_stored is not None:
            self._on_stored(self.done)


def _store(rosbag: Rosbag, path: str, stream: IO[bytes], count: _Count) -> RosbagFile:
    key = object_key(rosbag.pk, path)
    with stream:
        reader = HashingReader(stream, count.add)
        object_store().put(key, cast("BinaryIO", reader))
    return RosbagFile.objects.create(
        rosbag=rosbag, path=path, size=reader.size, sha256=reader.sha256, key=key
    )
