"""MCAP files and bundles for tests, byte by byte, so that they can be wrong in every way."""

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import lz4.frame
import zstandard

from rosbag2.tests.bundles import START, TOPICS, Row, metadata, rows

MAGIC = b"\x89MCAP0\r\n"
HEADER, FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, INDEX = range(1, 8)
CHUNK_INDEX, STATISTICS, METADATA, DATA_END = 0x08, 0x0B, 0x0C, 0x0F


def record(opcode: int, content: bytes, *, length: int | None = None) -> bytes:
    """A record; `length` is what it claims instead of the truth."""
    return struct.pack("<BQ", opcode, len(content) if length is None else length) + content


def text(value: str) -> bytes:
    """A text with its length in front."""
    data = value.encode()
    return struct.pack("<I", len(data)) + data


def pairs(values: dict[str, str]) -> bytes:
    """A mapping."""
    data = b"".join(text(key) + text(value) for key, value in values.items())
    return struct.pack("<I", len(data)) + data


def header() -> bytes:
    """The first record."""
    return record(HEADER, text("ros2") + text("tests"))


def schema(number: int, name: str) -> bytes:
    """A type, with a definition."""
    definition = text("string data\n")
    return record(SCHEMA, struct.pack("<H", number) + text(name) + text("ros2msg") + definition)


def channel(
    number: int, topic: str, *, schema_id: int | None = None, encoding: str = "cdr"
) -> bytes:
    """A topic with the schema of its number."""
    ids = struct.pack("<HH", number, number if schema_id is None else schema_id)
    return record(CHANNEL, ids + text(topic) + text(encoding) + pairs({}))


def message(row: Row) -> bytes:
    """A message of the channel with the topic's number."""
    number, time, data = row
    return record(MESSAGE, struct.pack("<HIQQ", number, 0, time, time) + data)


def chunk(
    content: bytes,
    times: Sequence[int],
    compression: str = "",
    *,
    crc: int | None = None,
    size: int | None = None,
) -> bytes:
    """A chunk of records; `crc` and `size` are claims instead of the truth."""
    packed = {"zstd": zstandard.ZstdCompressor().compress, "lz4": lz4.frame.compress}
    stored = packed[compression](content) if compression in packed else content
    head = struct.pack(
        "<QQQI",
        min(times, default=0),
        max(times, default=0),
        len(content) if size is None else size,
        zlib.crc32(content) if crc is None else crc,
    )
    return record(CHUNK, head + text(compression) + struct.pack("<Q", len(stored)) + stored)


def index_of(messages: Iterable[Row]) -> bytes:
    """The message indexes that follow a chunk."""
    result: dict[int, list[int]] = {}
    for number, time, _ in messages:
        result.setdefault(number, []).append(time)
    return b"".join(
        record(
            INDEX,
            struct.pack("<HI", number, 16 * len(times))
            + b"".join(struct.pack("<QQ", time, 0) for time in times),
        )
        for number, times in result.items()
    )


def statistics(count: int) -> bytes:
    """What the summary promises."""
    return record(STATISTICS, struct.pack("<QHIIIIQQI", count, 2, 2, 0, 0, 1, 0, 0, 0))


@dataclass
class Mcap:
    """A file to be: groups of messages in chunks, or without chunks where compression is None."""

    groups: list[list[Row]]
    compression: str | None = ""
    promised: int | None = None
    index: bool = True
    crc: int | None = None
    repeat: bool = True
    """Whether the summary names the topics again."""
    parts: list[bytes] = field(default_factory=list)

    def data(self) -> bytes:
        """The whole file; `parts` are its data records afterwards."""
        names = b"".join(schema(n, kind) + channel(n, name) for n, name, kind in TOPICS)
        self.parts = []
        if self.compression is None:
            self.parts = [names] + [message(row) for group in self.groups for row in group]
        else:
            for place, group in enumerate(self.groups):
                content = (b"" if place else names) + b"".join(map(message, group))
                times = [time for _, time, _ in group]
                self.parts.append(chunk(content, times, self.compression, crc=self.crc))
                if self.index:
                    self.parts.append(index_of(group))
        return self.start() + b"".join(self.parts) + self.end(names if self.repeat else b"")

    def start(self) -> bytes:
        """What comes before the data."""
        return MAGIC + header()

    def end(self, names: bytes) -> bytes:
        """Data end, summary, footer, magic."""
        before = len(self.start()) + sum(map(len, self.parts))
        data_end = record(DATA_END, bytes(4))
        count = sum(map(len, self.groups)) if self.promised is None else self.promised
        summary = names + statistics(count) if count >= 0 else b""
        at = before + len(data_end) if summary else 0
        return data_end + summary + record(FOOTER, struct.pack("<QQI", at, 0, 0)) + MAGIC


def groups(count: int = 4, item: int = 10, start: int = START) -> list[list[Row]]:
    """Messages in groups that follow each other in time."""
    everything = rows(count * item, start)
    return [everything[n * item : (n + 1) * item] for n in range(count)]


def mcap_bag(folder: Path, content: bytes, **changes: object) -> Path:
    """A bundle of one MCAP file; its metadata fits 40 messages."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bag_0.mcap").write_bytes(content)
    claims: dict[str, object] = {
        "version": 8,
        "storage": "mcap",
        "files": ["bag_0.mcap"],
        "count": 40,
        "duration": 39 * 10**6,
        "topics": [("/odom", "nav_msgs/msg/Odometry", 20), ("/imu", "sensor_msgs/msg/Imu", 20)],
    }
    metadata(folder, **claims | changes)
    return folder


def times(result: list[tuple[int, str, bytes]]) -> list[tuple[int, bytes]]:
    """What the reader gave, without names."""
    return [(time, data) for time, _, data in result]


def expected(messages: Iterable[Row]) -> list[tuple[int, bytes]]:
    """What the reader should give of rows."""
    return [(time, data) for _, time, data in sorted(messages, key=lambda row: row[1])]
