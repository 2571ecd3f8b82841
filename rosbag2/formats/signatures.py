"""First bytes of files that are no data files of a bag: their kind, and the command that helps."""

import re
import shlex
from pathlib import PurePosixPath

from rosbag2.errors import BagError
from rosbag2.formats.metadata import is_lfs_pointer

HEAD_BYTES = 512
"""Bytes that tell what a file is."""
SQLITE = b"SQLite format 3\0"
MCAP = b"\x89MCAP0\r\n"

_ROS1_BAG = b"#ROSBAG V"
_TAR, _TAR_PLACE = b"ustar", 257
_TAR_NAME = re.compile(r"\.(tar\.\w+|t\wz\d?|tzst)$", re.IGNORECASE)
_STREAM_NAME = re.compile(r"\.(gz|xz|bz2|zstd?|lz4)$", re.IGNORECASE)
_MAX_START = 40

_SIGNS = {
    b"PK\3\4": "zip",
    b"PK\5\6": "zip",  # an empty one
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\7": "rar",
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ\0": "xz",
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}
# The commands that unpack them.
_ARCHIVES = {"zip": "unzip", "7z": "7z x", "rar": "unrar x", "tar": "tar -xf"}
_STREAMS = {"gzip": "gunzip", "xz": "unxz", "bzip2": "bunzip2", "zstd": "unzstd", "lz4": "unlz4"}
_ANSWERS = {
    "HTML": re.compile(rb"<!doctype html|<html", re.IGNORECASE),
    "XML": re.compile(rb"<\?xml"),
    "JSON": re.compile(rb'[\[{]\s*["\[{]'),
}


def foreign(name: str, head: bytes, *, readable: tuple[str, ...] = ()) -> BagError | None:
    """The error that names a file with this beginning; None when it is not known.

    `readable` are the kinds of packed files that are read here.
    """
    if not head:
        return BagError("FILE_IS_EMPTY", file=name)
    if is_lfs_pointer(head):
        return BagError("FILE_IS_LFS_POINTER", file=name)
    if head.startswith(_ROS1_BAG):
        folder = PurePosixPath(name).name.removesuffix(".active").removesuffix(".bag")
        values = {"source": shlex.quote(name), "target": shlex.quote(folder + "_ros2")}
        return BagError("FILE_IS_ROS1_BAG", file=name, **values)
    if kind := packed_kind(head):
        error = BagError("FILE_IS_PACKED", file=name, kind=kind, command=_unpacking(name, kind))
        return None if kind in readable else error
    begin = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    answer = next((kind for kind, sign in _ANSWERS.items() if sign.match(begin)), "")
    if answer and (text := text_of(head)):
        return BagError("FILE_IS_ANSWER", file=name, kind=answer, start=text)
    return None


def packed_kind(head: bytes) -> str:
    """The kind of a packed file with this beginning, such as `zip`; empty for any other file."""
    if head[_TAR_PLACE:].startswith(
        _TAR
    ):  # it begins with the name of its first member, whatever that is
        return "tar"
    return next((kind for sign, kind in _SIGNS.items() if head.startswith(sign)), "")


def _unpacking(name: str, kind: str) -> str:
    """The command that unpacks a packed file."""
    quoted = shlex.quote(name)
    if kind in _ARCHIVES:
        return f"{_ARCHIVES[kind]} {quoted}"
    if _TAR_NAME.search(name):
        return f"tar -xf {quoted}"
    plain = _STREAM_NAME.sub("", name)
    target = plain if plain != name else f"unpacked_{PurePosixPath(name).name}"
    return f"{_STREAMS[kind]} -c {quoted} > {shlex.quote(target)}"


def beginning(head: bytes) -> str:
    """A reason that tells how a file begins of which no more is known."""
    if not head.strip(b"\0"):
        return "it begins with zeros"
    text = text_of(head)
    return (
        f"it is a text that begins with “{text}”" if text else f"it begins with {head[:8].hex(' ')}"
    )


def text_of(head: bytes) -> str:
    """The first line or so of a text, "" when it is none."""
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # A sign may be cut off at the end.
        text = head[: error.start].decode() if error.start > len(head) - 4 else ""
    text = " ".join(text.split())
    return text[:_MAX_START].strip() if text.isprintable() else ""
