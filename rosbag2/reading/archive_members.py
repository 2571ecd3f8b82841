"""The members of archives, one after another: zip files, and tar files however they are compressed."""

import bz2
import gzip
import lzma
import posixpath
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import inflate64
import zstandard

from rosbag2.errors import BagError
from rosbag2.formats import file_names
from rosbag2.formats.signatures import HEAD_BYTES, foreign, packed_kind

BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    zstandard.ZstdError,
    EOFError,
    NotImplementedError,
    gzip.BadGzipFile,
    UnicodeError,
    ValueError,
    OverflowError,
    MemoryError,
)
"""Errors of reading a broken archive, besides OSError."""


def why_broken(error: Exception) -> str:
    """The reason why an archive cannot be read, from what reading it raised."""
    text = str(error).lower()
    if isinstance(error, MemoryError) or "memory" in text:
        return "it needs more memory than unpacking may take"
    if isinstance(error, NotImplementedError):
        return "it is packed in a way that is not read here"
    if isinstance(error, UnicodeError):
        return "it says that a name is UTF-8, which it is not"
    # `zipfile` finds no table of contents, which is the end of a zip file.
    if isinstance(error, EOFError) or "end of" in text or "not a zip file" in text:
        return "its end is missing"
    return "its content is damaged"


_MAX_WINDOW = 2**27
_MAX_LINK = 4096
_ENCRYPTED = 1
_UTF8 = 0x800
_UNICODE_PATH = 0x7075
_DEFLATE64 = 9
_NO_FILES = (b"V", b"D")
"""Members that GNU tar adds: the label of an archive, and the folders of an incremental one."""
_FEED = 2048
"""Bytes that are inflated at once: they may become 60 MB."""

Open = Callable[[], IO[bytes]]


@dataclass(frozen=True)
class Member:
    """A member of an archive that is no folder.

    Attributes:
        name: Its path, `/` between the parts, in NFC.
        size: A claim, in bytes.
        streams: Ways to open its content; the next is tried when one turns out to be wrong.
        fault: Why it is refused, or empty.
        link: The path within the archive that it is a link to, or empty.
        symbolic: Whether the link is a symbolic one, which may also lead to a folder or nowhere.
    """

    name: str
    size: int
    streams: tuple[Open, ...]
    fault: str = ""
    link: str = ""
    symbolic: bool = False


@contextmanager
def members(
    source: Path, language: str, count: Callable[[int], None]
) -> Iterator[Iterable[Member]]:
    """The members of an archive: a list where their number is known beforehand.

    Args:
        source: The archive; its content says what it is, not its name.
        language: The language of its sender, for names that are not Unicode.
        count: Called with the bytes that come out of a compressed tar.

    Raises:
        BagError: ARCHIVE_ENCRYPTED, and those of `signatures.foreign`: it is something else.
        OSError, and those of `BROKEN`: It cannot be read.
    """
    with ExitStack() as stack:
        file = stack.enter_context(source.open("rb"))
        head = file.read(HEAD_BYTES)
        file.seek(0)
        if error := foreign(source.name, head, readable=_READABLE):
            raise error
        kind = packed_kind(head)
        if kind == "zip":
            yield list(_zipped(stack.enter_context(zipfile.ZipFile(file)), language))
            return
        unpack = _PACKED.get(kind)
        plain = cast("IO[bytes]", stack.enter_context(unpack(file)) if unpack else file)
        counted = cast("IO[bytes]", _Counted(plain, count))
        try:
            archive = stack.enter_context(
                tarfile.open(fileobj=counted, mode="r|", encoding="utf-8")
            )
        except tarfile.ReadError as error:
            reason = "it holds no tar" if kind else "it is no archive"
            raise BagError("ARCHIVE_UNREADABLE", file=source.name, reason=reason) from error
        yield _tarred(archive, language)


_PACKED: dict[str, Callable[[IO[bytes]], Any]] = {
    "gzip": lambda file: gzip.GzipFile(fileobj=file),
    "bzip2": bz2.BZ2File,
    "xz": lzma.LZMAFile,
    "zstd": lambda file: zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).stream_reader(
        file, read_across_frames=True
    ),
}
"""Kinds of compressed tar files."""

_READABLE = ("zip", "tar", *_PACKED)


class _Counted:
    """A stream that counts the bytes read from it."""

    def __init__(self, stream: IO[bytes], count: Callable[[int], None]) -> None:
        self._stream = stream
        self._count = count

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._count(len(data))
        return data


def _zipped(archive: zipfile.ZipFile, language: str) -> Iterator[Member]:
    for info in archive.infolist():
        name = _zip_name(info, language)
        # Only Unix writes modes; a plain file may come without one.
        kind = stat.S_IFMT(info.external_attr >> 16)
        if name.endswith("/") or kind == stat.S_IFDIR:
            continue
        if info.flag_bits & _ENCRYPTED:
            raise BagError("ARCHIVE_ENCRYPTED", file=Path(archive.filename or "").name)
        if kind == stat.S_IFLNK:
            with archive.open(info) as stream:
                link = file_names.decode(stream.read(_MAX_LINK), language)
            yield _symbolic(name, link)
            continue
        fault = "" if kind in {0, stat.S_IFREG} else "it is a device"
        yield Member(name, info.file_size, _zip_streams(archive, info), fault)


def _zip_name(info: zipfile.ZipInfo, language: str) -> str:
    """The name by the one rule: flagged as UTF-8, given again as UTF-8, UTF-8 all the same, a code page.

    Windows writes backslashes between the parts.
    """
    if info.flag_bits & _UTF8:
        name = file_names.normal(info.orig_filename)
    else:
        raw = info.orig_filename.encode(file_names.ANY_BYTES)
        name = file_names.decode(_unicode_path(info.extra, raw) or raw, language)
    return name.replace("\\", "/")


def _unicode_path(extra: bytes, raw: bytes) -> bytes:
    """The name in the field 0x7075, if it was written for this name; else empty."""
    while len(extra) > 4:  # noqa: PLR2004
        kind, size = struct.unpack_from("<HH", extra)
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == _UNICODE_PATH and field[:5] == struct.pack("<BL", 1, zlib.crc32(raw)):
            return field[5:]
    return b""


def _zip_streams(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> tuple[Open, ...]:
    if info.compress_type != _DEFLATE64:
        return (lambda: archive.open(info),)
    packed, plain = copy(info), copy(info)
    packed.compress_type, packed.file_size = zipfile.ZIP_STORED, info.compress_size
    del packed.CRC  # of the content, not of what is packed
    # Some tools write Deflate and call it Deflate64; the checksum tells.
    plain.compress_type = zipfile.ZIP_DEFLATED
    return (
        lambda: cast("IO[bytes]", _Inflated64(archive.open(packed), info)),
        lambda: archive.open(plain),
    )


class _Inflated64:
    """The content of a member that is packed with Deflate64, which `zipfile` does not know."""

    def __init__(self, packed: IO[bytes], info: zipfile.ZipInfo) -> None:
        self._packed = packed
        self._inflater = inflate64.Inflater()
        self._left = info.file_size
        self._crc = info.CRC
        self._sum = 0

    def __enter__(self) -> "_Inflated64":
        return self

    def __exit__(self, *_error: object) -> None:
        self._packed.close()

    def read(self, _size: int) -> bytes:
        """The next bytes, however many; none at the end.

        Raises:
            BadZipFile: They are not those that were packed.
        """
        data = b""
        while not data and (block := self._packed.read(_FEED)):
            data = self._inflater.inflate(block)
        self._left -= len(data)
        self._sum = zlib.crc32(data, self._sum)
        if self._left < 0 or (not data and (self._left or self._sum != self._crc)):
            raise zipfile.BadZipFile("the checksum of a member packed with Deflate64 is wrong")
        return data


def _tarred(archive: tarfile.TarFile, language: str) -> Iterator[Member]:
    for info in archive:
        name = _tar_name(info.name, language)
        link = _tar_name(info.linkname, language)
        if info.isdir() or info.type in _NO_FILES:
            continue
        if info.issym():
            yield _symbolic(name, link)
        elif info.islnk():
            yield Member(name, 0, (), link=posixpath.normpath(link))
        else:
            other = "it is a device" if info.isdev() else "it is no plain file"
            fault = "" if info.isreg() else other
            yield Member(name, info.size, (_extractor(archive, info),), fault)


def _tar_name(name: str, language: str) -> str:
    return file_names.decode(name.encode("utf-8", "surrogateescape"), language)


def _extractor(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Open:
    def extract() -> IO[bytes]:
        stream = archive.extractfile(info)
        if stream is None:
            raise tarfile.ReadError("a member has no data")
        return stream

    return extract


def _symbolic(name: str, link: str) -> Member:
    place = posixpath.normpath(posixpath.join(posixpath.dirname(name), link))
    return Member(name, 0, (), link=place, symbolic=True)
