"""The records of MCAP chunks, unpacked and checked; messages that are too large are left out and named."""

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Protocol, cast

import lz4.frame
import zstandard

from rosbag2.budget import MAX_CHUNK, MAX_MESSAGE
from rosbag2.formats import mcap_records as records
from rosbag2.formats.compression import unpack_bytes
from rosbag2.formats.mcap_records import BrokenError, Chunk

_BLOCK = 2**20


class TooLargeError(ValueError):
    """A complete record that is too large to be read."""


class LargeMessagesError(TooLargeError):
    """A chunk with messages that are too large.

    Attributes:
        others: The other records of the chunk.
        messages: Channel, time and size of each that is too large.
    """

    def __init__(self, others: bytes, messages: list[tuple[int, int, int]]) -> None:
        super().__init__(f"a message of more than {MAX_MESSAGE} bytes")
        self.others = others
        self.messages = messages


def load_chunk(stream: BinaryIO, chunk: Chunk) -> bytes:
    """The records of a chunk, unpacked and checked.

    Raises:
        BrokenError: damaged, or compressed in a way that is not known.
        TooLargeError: larger than what is read.
        LargeMessagesError: messages in it are.
    """
    if max(chunk.size, chunk.stored) > MAX_MESSAGE:
        return _load_large(stream, chunk)
    content = unpack_chunk(stream, chunk)
    if len(content) != chunk.size:
        raise BrokenError(f"a chunk has {len(content)} of {chunk.size} bytes")
    if chunk.crc and zlib.crc32(content) != chunk.crc:
        raise BrokenError("a chunk has another checksum than noted")
    return content


def unpack_chunk(stream: BinaryIO, chunk: Chunk) -> bytes:
    """The records of a chunk, unpacked.

    Raises:
        BrokenError: they cannot be unpacked.
    """
    stream.seek(chunk.start)
    data = stream.read(chunk.stored)
    if len(data) < chunk.stored:
        raise BrokenError("a chunk is cut off")
    try:
        if chunk.compression == "":
            return data
        if chunk.compression == "zstd":
            return unpack_bytes(data, chunk.size)
        if chunk.compression == "lz4":
            return _lz4(data, chunk.size)
    except (ValueError, OverflowError, RuntimeError) as error:
        raise BrokenError("a chunk cannot be unpacked") from error
    raise BrokenError(f"a chunk is compressed with {chunk.compression!r}")


def _lz4(data: bytes, size: int) -> bytes:
    unpacker = lz4.frame.LZ4FrameDecompressor()
    content = io.BytesIO()
    part = unpacker.decompress(data, min(size, _BLOCK) + 1)
    while part:
        content.write(part)
        if content.tell() > size or unpacker.eof:
            break
        part = unpacker.decompress(b"", min(size - content.tell(), _BLOCK) + 1)
    return content.getvalue()


def _load_large(stream: BinaryIO, chunk: Chunk) -> bytes:
    """The records of a large chunk, read bit by bit: a message that is too large is never held."""
    stream.seek(chunk.start)
    try:
        with _opened(chunk, _Stored(stream, chunk.stored)) as content:
            others, large = _divided(_Bounded(content, chunk.size))
    except (EOFError, OSError, RuntimeError, zstandard.ZstdError) as error:
        raise BrokenError("a chunk cannot be unpacked") from error
    if large:
        raise LargeMessagesError(others, large)
    return others


class _Reads(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Stored(io.RawIOBase):
    """A part of a stream, from where that stands."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self.stream = stream
        self.left = size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        data = self.stream.read(self.left if size < 0 else min(size, self.left))
        self.left -= len(data)
        return data


@contextmanager
def _opened(chunk: Chunk, stored: _Stored) -> Iterator[_Reads]:
    if chunk.compression == "":
        yield stored
    elif chunk.compression == "zstd":
        with zstandard.ZstdDecompressor().stream_reader(
            cast("BinaryIO", stored), read_size=_BLOCK
        ) as content:
            yield content
    elif chunk.compression == "lz4":
        with lz4.frame.LZ4FrameFile(stored) as content:
            yield content
    else:
        raise BrokenError(f"a chunk is compressed with {chunk.compression!r}")


class _Bounded:
    """Content of which not more is read than is claimed, and not less."""

    def __init__(self, content: _Reads, size: int) -> None:
        self.content = content
        self.left = size

    def take(self, size: int) -> bytes:
        """Read exactly so many bytes."""
        parts = bytearray()
        while len(parts) < size:
            part = self.content.read(min(size - len(parts), _BLOCK, self.left))
            if not part:
                raise BrokenError("a record is longer than its chunk")
            parts += part
            self.left -= len(part)
        return bytes(parts)

    def skip(self, size: int) -> None:
        """Read over so many bytes."""
        while size:
            size -= len(self.take(min(size, _BLOCK)))


def _divided(content: _Bounded) -> tuple[bytes, list[tuple[int, int, int]]]:
    """The records without the large messages, and those."""
    others = bytearray()
    large: list[tuple[int, int, int]] = []
    while content.left:
        head = content.take(records.HEAD.size)
        opcode, length = records.HEAD.unpack(head)
        if opcode == records.MESSAGE and length > MAX_MESSAGE + records.MESSAGE_FIELDS:
            head += content.take(records.MESSAGE_FIELDS)
            _, _, channel, time = records.MESSAGE_HEAD.unpack(head)
            large.append((channel, time, length - records.MESSAGE_FIELDS))
            content.skip(length - records.MESSAGE_FIELDS)
            continue
        if len(others) + len(head) + length > MAX_CHUNK:
            raise TooLargeError(f"a chunk of more than {MAX_CHUNK} bytes")
        others += head
        others += content.take(length)
    return bytes(others), large
