"""Archives of bags, from strangers: unpacked within limits, and the one bag in them found."""

import gzip
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, cast

import zstandard

from rosbag2.budget import Budget, max_unpacked
from rosbag2.errors import BagError, Detail
from rosbag2.formats.bundle import DATA_SUFFIXES, foreign_file
from rosbag2.formats.metadata import FILE_NAME
from rosbag2.formats.signatures import HEAD_BYTES, foreign

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".tar.zstd")
READABLE = ("zip", "gzip", "zstd", "tar")
"""Kinds of packed files that are read here."""
MAX_MEMBERS = 10_000
MAX_DEPTH = 20
HEADER_BYTES = 64 * 2**20
"""Bytes that a tar may hold beside the content of its members."""
SPARE_BYTES = 256 * 2**20
"""Bytes of the disk that unpacking leaves free."""

_BLOCK = 2**20
_MAX_WINDOW = 2**27
_ENCRYPTED = 1
_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    zstandard.ZstdError,
    EOFError,
    NotImplementedError,
    gzip.BadGzipFile,
    UnicodeError,
    ValueError,
    OverflowError,
)


def is_archive(name: str) -> bool:
    """Return whether a file of that name is an archive that can hold a bag."""
    return name.lower().endswith(SUFFIXES)


def bare_name(name: str) -> str:
    """The name of an archive or of a data file, without folders and suffix."""
    last = PurePosixPath(name).name
    for suffix in sorted((*SUFFIXES, *DATA_SUFFIXES), key=len, reverse=True):
        if last.lower().endswith(suffix) and len(last) > len(suffix):
            return last[: -len(suffix)]
    return last


def unpack(source: Path, target: Path, budget: Budget | None = None) -> str:
    """Unpack an archive into the empty folder `target`, and find the bag in it.

    Returns:
        The bag's folder below `target`; the bag itself is not checked.

    Raises:
        BagError: the archive is refused, cannot be read, or does not hold exactly one bag.
    """
    try:
        _Unpacking(source, target, budget or Budget()).run()
        return find_bag(source.name, target)
    except _BROKEN as error:
        reason = str(error)[:200] or type(error).__name__
        raise BagError("ARCHIVE_UNREADABLE", file=source.name, reason=reason) from error
    except OSError as error:
        reason = error.strerror or str(error)[:200]
        raise BagError("ARCHIVE_UNREADABLE", file=source.name, reason=reason) from error


@dataclass
class _Member:
    """A member of an archive; `fault` says why it is refused, `size` in bytes is a claim."""

    name: str
    size: int
    fault: str
    stream: Callable[[], IO[bytes]]


@dataclass
class _Unpacking:
    source: Path
    target: Path
    budget: Budget
    unpacked: int = 0
    passed: int = 0
    paths: set[str] = field(default_factory=set)

    @property
    def limit(self) -> int:
        return max_unpacked(self.source.stat().st_size)

    def run(self) -> None:
        """Unpack all members.

        Raises:
            BagError: it is refused.
            OSError, and errors of the libraries: it cannot be read.
        """
        self.target.mkdir(parents=True, exist_ok=True)
        with _members(self.source, self._pass) as members:
            for number, member in enumerate(members):
                if number >= MAX_MEMBERS:
                    raise self._refusal("ARCHIVE_TOO_LARGE", limit=f"{MAX_MEMBERS} members")
                self._take(member)

    def _take(self, member: _Member) -> None:
        parts = _safe_parts(member.name)
        reason = member.fault or ("" if parts else "its path is not a plain relative one")
        if reason:
            raise self._refusal("ARCHIVE_MEMBER_UNSAFE", member=member.name, reason=reason)
        if _is_litter(parts):
            return
        path = "/".join(parts)
        if path in self.paths:
            raise self._refusal("ARCHIVE_MEMBER_TWICE", member=member.name)
        self.paths.add(path)
        self._require_room(member.size)
        place = self.target.joinpath(*parts)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("xb") as sink, member.stream() as stream:
                while block := stream.read(_BLOCK):
                    sink.write(block)
                    self.unpacked += len(block)
                    self.budget.advance(len(block))
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise self._refusal("ARCHIVE_MEMBER_TWICE", member=member.name) from error

    def _require_room(self, size: int) -> None:
        if self.unpacked + size > self.limit:
            raise self._refusal("ARCHIVE_TOO_LARGE", limit=f"{self.limit} bytes")
        if size + SPARE_BYTES > shutil.disk_usage(self.target).free:
            raise self._refusal("NO_SPACE")

    def _pass(self, amount: int) -> None:
        """Count the bytes out of a compressed tar, skipped members included."""
        self.passed += amount
        self.budget.advance(amount)
        if self.passed > self.limit + HEADER_BYTES:
            raise self._refusal("ARCHIVE_TOO_LARGE", limit=f"{self.limit} bytes")

    def _refusal(self, code: str, **details: Detail) -> BagError:
        return BagError(code, file=self.source.name, **details)


@contextmanager
def _members(source: Path, count: Callable[[int], None]) -> Iterator[Iterator[_Member]]:
    with ExitStack() as stack:
        file = stack.enter_context(source.open("rb"))
        head = file.read(HEAD_BYTES)
        file.seek(0)
        if error := foreign(source.name, head, readable=READABLE):
            raise error
        if head.startswith(b"PK"):
            yield _zipped(stack.enter_context(zipfile.ZipFile(file)))
            return
        plain: IO[bytes] = file
        if head.startswith(b"\x1f\x8b"):
            plain = cast("IO[bytes]", stack.enter_context(gzip.GzipFile(fileobj=file)))
        elif head.startswith(b"\x28\xb5\x2f\xfd"):
            unpacker = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW)
            plain = stack.enter_context(unpacker.stream_reader(file, read_across_frames=True))
        counted = cast("IO[bytes]", _Counted(plain, count))
        try:
            archive = stack.enter_context(tarfile.open(fileobj=counted, mode="r|"))
        except tarfile.ReadError as error:
            raise tarfile.ReadError("it holds no tar") from error
        yield _tarred(archive)


class _Counted:
    """A stream that counts the bytes read from it."""

    def __init__(self, stream: IO[bytes], count: Callable[[int], None]) -> None:
        self._stream = stream
        self._count = count

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._count(len(data))
        return data


def _zipped(archive: zipfile.ZipFile) -> Iterator[_Member]:
    for info in archive.infolist():
        # Only Unix writes modes; a plain file may come without one.
        kind = stat.S_IFMT(info.external_attr >> 16)
        if info.is_dir() or kind == stat.S_IFDIR:
            continue
        if info.flag_bits & _ENCRYPTED:
            raise BagError("ARCHIVE_ENCRYPTED", file=Path(archive.filename or "").name)
        fault = "" if kind in {0, stat.S_IFREG} else "it is a link or a device"
        yield _Member(info.orig_filename, info.file_size, fault, _opener(archive, info))


def _opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: archive.open(info)


def _tarred(archive: tarfile.TarFile) -> Iterator[_Member]:
    for member in archive:
        if member.isdir():
            continue
        fault = "" if member.isreg() else "it is a link or a device"
        if not fault:
            try:
                tarfile.data_filter(member, "/unpacked")
            except tarfile.FilterError:
                fault = "its path is not a plain relative one"
        yield _Member(member.name, member.size, fault, _extractor(archive, member))


def _extractor(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Callable[[], IO[bytes]]:
    def extract() -> IO[bytes]:
        stream = archive.extractfile(member)
        if stream is None:
            raise tarfile.ReadError("a member has no data")
        return stream

    return extract


def _safe_parts(name: str) -> tuple[str, ...]:
    """The parts of a relative path that stays inside on every system, none when it does not."""
    windows = PureWindowsPath(name)
    outside = windows.is_absolute() or windows.drive or windows.root or ".." in windows.parts
    odd = "\0" in name or "\\" in name or not name.isprintable()
    parts = PurePosixPath(name).parts
    if outside or odd or len(parts) > MAX_DEPTH or PurePosixPath(name).is_absolute():
        return ()
    return parts


def _is_litter(parts: tuple[str, ...]) -> bool:
    """Return whether it is one of macOS's files beside files, which look like data."""
    return parts[0] == "__MACOSX" or parts[-1].startswith("._") or parts[-1] == ".DS_Store"


def find_bag(archive: str, folder: Path) -> str:
    """The folder of the one bag below `folder`, relative to it.

    Raises:
        BagError: ARCHIVE_NO_BAG, ARCHIVE_TWO_BAGS; they name the archive.
    """
    described: set[PurePosixPath] = set()
    holding: set[PurePosixPath] = set()
    nested = ""
    for path in sorted(folder.rglob("*")):
        place = PurePosixPath(path.relative_to(folder).parent.as_posix())
        if path.name == FILE_NAME:
            described.add(place)
        elif path.name.endswith(DATA_SUFFIXES) and path.is_file():
            holding.add(place)
        elif is_archive(path.name):
            nested = nested or path.name
    folders = sorted(
        place for place in described | holding if not described.intersection(place.parents)
    )
    if not folders and nested:
        reason = f"it holds another archive, {nested}"
        raise BagError("ARCHIVE_NO_BAG", file=archive, reason=reason)
    if not folders:
        unknown = BagError("ARCHIVE_NO_BAG", file=archive, reason="it has no data file")
        raise foreign_file(folder.rglob("*")) or unknown
    if len(folders) > 1:
        first, second = (str(place) for place in folders[:2])
        raise BagError(
            "ARCHIVE_TWO_BAGS", file=archive, first=first, second=second, bags=len(folders)
        )
    return str(folders[0])
