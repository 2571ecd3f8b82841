"""Zstandard as rosbag2 uses it, by file and by message; sizes are bounded, whatever a frame claims."""

import os
from pathlib import Path
from typing import BinaryIO

import zstandard

from rosbag2.budget import Budget, max_unpacked
from rosbag2.errors import BagError
from rosbag2.formats.signatures import HEAD_BYTES, MCAP, SQLITE, beginning, foreign

MAGIC = b"\x28\xb5\x2f\xfd"
"""How a frame begins. No CDR message begins so: its first byte is 0."""

_BLOCK = 2**20
# The default limit of the zstd program.
_MAX_WINDOW = 2**27
_RLE = 1
_MAX_HEADER = 18
_SKIPPABLE = b"\x2a\x4d\x18"


def unpack_file(
    name: str, source: Path, target: Path, budget: Budget, *, keep_partial: bool = False
) -> str:
    """Unpack a file of the bag, and return why it is cut off, "" when it is complete.

    With `keep_partial` the part of a damaged file before the damage is kept.

    Raises:
        BagError: FILE_DAMAGED, UNPACKS_TOO_LARGE, FILE_UNKNOWN; FILE_UNREADABLE when the disk is full.
    """
    try:
        reason = _copy(name, source, target, budget) or _cut_off(source)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BagError("FILE_UNREADABLE", file=name, reason=reason) from error
    if reason and not (keep_partial and target.stat().st_size):
        raise BagError("FILE_DAMAGED", file=name, reason=reason)
    return reason


def _copy(name: str, source: Path, target: Path, budget: Budget) -> str:
    written = 0
    limit = max_unpacked(source.stat().st_size)
    with source.open("rb") as packed, target.open("wb") as sink:
        unpacker = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW)
        stream = unpacker.stream_reader(packed, read_size=_BLOCK, read_across_frames=True)
        while True:
            try:
                block = stream.read(_BLOCK)
            except zstandard.ZstdError as error:
                return f"it cannot be unpacked: {error}"
            if not block:
                return ""
            if not written and not block.startswith((SQLITE, MCAP)):
                unknown = BagError("FILE_UNKNOWN", file=name, reason=beginning(block[:HEAD_BYTES]))
                raise foreign(name, block[:HEAD_BYTES]) or unknown
            written += len(block)
            if written > limit:
                raise BagError("UNPACKS_TOO_LARGE", file=name, limit=limit)
            sink.write(block)
            budget.advance(len(block))


def _cut_off(path: Path) -> str:
    """Return a reason if a frame lacks its end, where zstd's reader stops silently; else ""."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        while stream.tell() < size:
            if not _skip_frame(stream) or stream.tell() > size:
                return "its compressed data end early"
    return ""


def _skip_frame(stream: BinaryIO) -> bool:
    """Go to the end of a frame, from block to block; False when it has none."""
    head = stream.read(_MAX_HEADER)
    if head[1:4] == _SKIPPABLE:
        stream.seek(int.from_bytes(head[4:8], "little") + 8 - len(head), os.SEEK_CUR)
        return True
    try:
        facts = zstandard.get_frame_parameters(head)
        stream.seek(zstandard.frame_header_size(head) - len(head), os.SEEK_CUR)
    except zstandard.ZstdError:
        return False
    last = 0
    while not last:
        block = stream.read(3)
        word = int.from_bytes(block, "little")
        if not block:
            return False
        last = word & 1
        stream.seek(1 if word >> 1 & 3 == _RLE else word >> 3, os.SEEK_CUR)
    stream.seek(4 if facts.has_checksum else 0, os.SEEK_CUR)
    return True


def unpacked_size(data: bytes) -> int:
    """Bytes that a frame claims to hold, -1 if it does not say."""
    return zstandard.frame_content_size(data)


def unpack_bytes(data: bytes, limit: int) -> bytes:
    """Unpack a frame in memory.

    Raises:
        OverflowError: it holds more than the limit.
        ValueError: it is damaged.
    """
    unpacker = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW)
    try:
        size = zstandard.frame_content_size(data)
        if size > limit:
            raise OverflowError
        if size >= 0:
            return unpacker.decompress(data)
        with unpacker.stream_reader(data) as stream:
            content = stream.read(limit + 1)
    except zstandard.ZstdError as error:
        raise ValueError(f"it cannot be unpacked: {error}") from error
    if len(content) > limit:
        raise OverflowError
    return content
