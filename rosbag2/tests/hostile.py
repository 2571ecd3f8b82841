"""Bundles that someone made to do harm: each function fills a folder; all are small on disk."""

import os
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import zstandard

from rosbag2.tests.bundles import CDR, START, TOPICS, bag, database, metadata, rows
from rosbag2.tests.corpus import (
    CHUNK,
    INDEX,
    MAGIC,
    MESSAGE,
    SCHEMA,
    Mcap,
    channel,
    chunk,
    groups,
    header,
    mcap_bag,
    message,
    record,
    schema,
    text,
)

PAGE = 4096
GOOD = [row for group in groups() for row in group]
Case = Callable[[Path], object]


def _sql(folder: Path, script: str) -> None:
    with closing(sqlite3.connect(bag(folder) / "bag_0.db3")) as connection:
        connection.executescript(script)


def _yaml(folder: Path, content: bytes) -> None:
    (bag(folder) / "metadata.yaml").write_bytes(content)


def _listed(folder: Path, *names: str) -> None:
    metadata(bag(folder), files=names)


def _mcap(folder: Path, *parts: bytes, end: bool = True) -> None:
    layout = Mcap(groups())
    layout.data()
    layout.parts += parts
    content = layout.start() + b"".join(layout.parts)
    mcap_bag(folder, content + (layout.end(b"") if end else b""))


def _bomb(size: int, head: bytes = b"") -> bytes:
    """Zeros behind a head, packed."""
    packer = zstandard.ZstdCompressor(level=3).compressobj()
    parts = [packer.compress(head)]
    parts += [packer.compress(bytes(2**24)) for _ in range(size // 2**24)]
    return b"".join([*parts, packer.flush()])


def _packed_file(folder: Path, content: bytes) -> None:
    (bag(folder) / "bag_0.db3").unlink()
    (folder / "bag_0.db3.zstd").write_bytes(content)
    metadata(folder, files=["bag_0.db3.zstd"])


def _yaml_bomb(folder: Path) -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for one, two in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{two}: &{two} [{', '.join(['*' + one] * 10)}]")
    _yaml(folder, "\n".join(lines).encode())


def _endless_view(folder: Path, table: str) -> None:
    columns = "x AS id, 1 AS topic_id, x AS timestamp, x'00' AS data"
    if table == "topics":
        columns = "x AS id, 'n' AS name, 't' AS type, 'cdr' AS serialization_format"
    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
    script = f"DROP TABLE {table}; CREATE VIEW {table} AS {endless} SELECT {columns} FROM c;"  # noqa: S608
    _sql(folder, script)


def _same_page_again(folder: Path) -> None:
    """Three levels of inner pages that all lead to one leaf: billions of rows in some kilobytes."""
    file = bag(folder, rows(30)) / "bag_0.db3"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP INDEX timestamp_idx")
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'messages'"
        (root,) = connection.execute(query).fetchone()
        connection.commit()
    content = bytearray(file.read_bytes())
    pages = len(content) // PAGE
    leaf = bytes(content[(root - 1) * PAGE : root * PAGE])
    content += leaf + _inner(pages + 1) + _inner(pages + 2) + _inner(pages + 3)
    content[(root - 1) * PAGE : root * PAGE] = _inner(pages + 4)
    content[28:32] = (pages + 4).to_bytes(4, "big")
    file.write_bytes(content)


def _inner(child: int) -> bytes:
    """An inner page of a table whose every branch is the same page."""
    cells = 500
    page = bytearray(PAGE)
    first = PAGE - 5 * cells
    page[:12] = struct.pack(">BHHHBI", 5, 0, cells, first, 0, child)
    for n in range(cells):
        page[12 + 2 * n : 14 + 2 * n] = (first + 5 * n).to_bytes(2, "big")
        page[first + 5 * n : first + 5 * n + 5] = child.to_bytes(4, "big") + b"\x7f"
    return bytes(page)


def _overflow_in_a_circle(folder: Path) -> None:
    """A message that claims 80 MB, on overflow pages that lead back to themselves, fifty times."""
    large = [(1, START + n, bytes(PAGE * 3)) for n in range(50)]
    file = bag(folder, large) / "bag_0.db3"
    content = bytearray(file.read_bytes())
    for place in range(0, len(content), PAGE):
        if content[place] == 0x0D and place:
            for n in range(int.from_bytes(content[place + 3 : place + 5], "big")):
                at = place + int.from_bytes(content[place + 8 + 2 * n : place + 10 + 2 * n], "big")
                if content[at] & 0x80:
                    content[at : at + 2] = b"\xff\x7f"
    file.write_bytes(content)


def _many_topics(folder: Path) -> None:
    topics = [(n, f"/t{n}", "a/msg/B") for n in range(1, 200_000)]
    folder.mkdir(parents=True, exist_ok=True)
    database(folder / "bag_0.db3", topics=topics)
    metadata(folder)


def _topic_named(folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    database(folder / "bag_0.db3", topics=[(1, name, "a/msg/B"), TOPICS[1]])
    metadata(folder)


def _linked(folder: Path, name: str, target: str) -> None:
    bag(folder)
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(target)


def _fifo(folder: Path) -> None:
    (bag(folder) / "bag_0.db3").unlink()
    os.mkfifo(folder / "bag_0.db3")


def _claiming_chunk(size: int, compression: str = "zstd") -> bytes:
    content = b"".join(map(message, GOOD))
    return chunk(content, [START, START + 1], compression, size=size)


def _message_bombs(folder: Path) -> None:
    packed = zstandard.ZstdCompressor().compress(bytes(60 * 2**20))
    bag(folder, [(1, START + n, packed) for n in range(500)])


def _false_message(folder: Path) -> None:
    """A frame that claims to hold 2^60 bytes."""
    frame = b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 2**60) + b"\x01\x00\x00"
    bag(folder, [(1, START + n, frame) for n in range(10)])


CASES: dict[str, Case] = {
    "path traversal": lambda f: _listed(f, "../../etc/passwd"),
    "path absolute": lambda f: _listed(f, "/etc/passwd"),
    "path of Windows": lambda f: _listed(f, "'C:\\Windows\\bag.db3'"),
    "path with a drive": lambda f: _listed(f, "'D:bag_0.db3'"),
    "path of a server": lambda f: _listed(f, "'\\\\server\\share\\bag.db3'"),
    "path that is too long": lambda f: _listed(f, "x" * 100_000),
    "path with NUL": lambda f: _listed(f, '"bag\\0.db3"'),
    "link to a file outside": lambda f: _linked(f, "bag_0.db3", "/etc/passwd"),
    "link to metadata outside": lambda f: _linked(f, "metadata.yaml", "/etc/passwd"),
    "link to a device": lambda f: _linked(f, "bag_0.db3", "/dev/zero"),
    "link as a journal": lambda f: _linked(f, "bag_0.db3-wal", "/dev/zero"),
    "pipe as data": _fifo,
    "file listed 9,000 times": lambda f: _listed(f, *["bag_0.db3"] * 9_000),
    "200,000 files listed": lambda f: _listed(f, *[f"bag_{n}.db3" for n in range(200_000)]),
    "YAML bomb": _yaml_bomb,
    "YAML tag": lambda f: _yaml(f, b"a: !!python/object/apply:os.system [id]\n"),
    "YAML depth": lambda f: _yaml(f, b"[" * 1_000_000),
    "YAML of 20 MB": lambda f: _yaml(f, b"a: b\n" * 4_000_000),
    "YAML of 9 MB, dense": lambda f: _yaml(f, b"[" + b"1," * 4_500_000 + b"]"),
    "YAML of 9 MB, one word": lambda f: _yaml(f, b"a: " + b"x" * 9_000_000),
    "YAML anchors": lambda f: _yaml(f, b"".join(b"k%d: &a%d x\n" % (n, n) for n in range(400_000))),
    "zstd bomb of zeros": lambda f: _packed_file(f, _bomb(8 * 2**30)),
    "zstd bomb behind a header": lambda f: _packed_file(f, _bomb(4 * 2**30, b"SQLite format 3\0")),
    "zstd bombs as messages": _message_bombs,
    "zstd frame that claims 2^60": _false_message,
    "zstd with a huge window": lambda f: _packed_file(
        f, b"\x28\xb5\x2f\xfd\x00\xa8" + b"\x01\x00\x00"
    ),
    "SQLite: messages without end": lambda f: _endless_view(f, "messages"),
    "SQLite: topics without end": lambda f: _endless_view(f, "topics"),
    "SQLite: triggers": lambda f: _sql(
        f,
        "CREATE TRIGGER t AFTER INSERT ON messages BEGIN INSERT INTO messages SELECT NULL, topic_id,"
        " timestamp, data FROM messages; END",
    ),
    "SQLite: computed column": lambda f: _sql(
        f,
        "ALTER TABLE messages RENAME TO old; CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id,"
        " timestamp, data AS (zeroblob(1000000000)))",
    ),
    "SQLite: virtual table": lambda f: _sql(
        f,
        "DROP TABLE messages; CREATE VIRTUAL TABLE messages USING fts5(id, topic_id, timestamp, data)",
    ),
    "SQLite: index on an expression": lambda f: _sql(
        f, "CREATE INDEX heavy ON messages (length(hex(zeroblob(1000))) + timestamp)"
    ),
    "SQLite: a blob of 400 MB": lambda f: _sql(
        f, "INSERT INTO messages VALUES (99, 1, 1600000000000000099, zeroblob(400000000))"
    ),
    "SQLite: one page a billion times": _same_page_again,
    "SQLite: long rows in a circle": _overflow_in_a_circle,
    "SQLite: 200,000 topics": _many_topics,
    "topic named in HTML": lambda f: _topic_named(f, "/<script>alert(1)</script>"),
    "topic named in signs of control": lambda f: _topic_named(f, "/a\x1b[2J\x07\u202e"),
    "topic with NUL": lambda f: _topic_named(f, "/a\0b"),
    "topic of 1 MB": lambda f: _topic_named(f, "/" + "x" * 2**20),
    "times before the epoch": lambda f: bag(f, [(1, -(2**63), CDR), (1, 2**63 - 1, CDR)]),
    "metadata of the year 9999": lambda f: metadata(bag(f), start=253402300799 * 10**9),
    "MCAP: record of 2^63": lambda f: _mcap(f, record(MESSAGE, b"", length=2**63)),
    "MCAP: attachment of 2^40": lambda f: _mcap(f, record(0x09, b"", length=2**40)),
    "MCAP: chunk that claims 2^60": lambda f: _mcap(f, _claiming_chunk(2**60)),
    "MCAP: chunk that claims 100 MB": lambda f: _mcap(f, _claiming_chunk(100 * 10**6)),
    "MCAP: bomb in a chunk": lambda f: _mcap(f, _chunk_of(_bomb(60 * 2**20), 60 * 2**20)),
    "MCAP: thousands of bombs": lambda f: _mcap(
        f, *[_chunk_of(_bomb(60 * 2**20), 60 * 2**20)] * 2000
    ),
    "MCAP: 5 million empty records": lambda f: _mcap(f, record(0x90, b"") * 5_000_000),
    "MCAP: 5 million empty indexes": lambda f: _mcap(f, record(INDEX, bytes(6)) * 2_000_000),
    "MCAP: 3 million empty messages": lambda f: _mcap(f, message((1, START, b"")) * 3_000_000),
    "MCAP: no channel": lambda f: _mcap(f, message((99, START, CDR)) * 1000),
    "MCAP: no schema": lambda f: _mcap(f, channel(7, "/x", schema_id=99)),
    "MCAP: 60,000 channels": lambda f: _mcap(f, *[channel(n, f"/t{n}") for n in range(3, 60_000)]),
    "MCAP: text that is too long": lambda f: _mcap(
        f, record(SCHEMA, struct.pack("<HI", 9, 2**31) + b"x")
    ),
    "MCAP: schema of 15 MB, 30 times": lambda f: _mcap(
        f, *[_long_schema(n) for n in range(10, 40)]
    ),
    "MCAP: topic of 1 MB": lambda f: _mcap(f, schema(9, "a/msg/B"), channel(9, "/" + "x" * 2**20)),
    "MCAP: time of the year 2500": lambda f: _mcap(f, message((1, 2**64 - 1, CDR))),
    "MCAP: compression unknown": lambda f: _mcap(f, _claiming_chunk(1000, "rar")),
    "MCAP: only magic": lambda f: mcap_bag(f, MAGIC + header()),
    "MCAP: record of kind 0": lambda f: _mcap(f, bytes(1_000_000)),
}
"""What a stranger may send, and what fills a folder with it."""


def _chunk_of(stored: bytes, size: int) -> bytes:
    head = struct.pack("<QQQI", START, START + 1, size, 0)
    return record(CHUNK, head + text("zstd") + struct.pack("<Q", len(stored)) + stored)


def _long_schema(number: int) -> bytes:
    content = struct.pack("<H", number) + text("a/msg/B") + text("ros2msg")
    return record(SCHEMA, content + text("x" * (15 * 2**20)))
