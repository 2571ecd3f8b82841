"""Bags whose messages are known: every way to store them, small, and of many pages or chunks."""

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import zstandard

from rosbag2.tests.bundles import START, TOPICS, Row, database, metadata
from rosbag2.tests.corpus import Mcap, mcap_bag

COUNT = 300
Message = tuple[int, str, bytes]
_NAMES = {number: name for number, name, _ in TOPICS}
_MESSAGE_ZSTD = "  compression_format: zstd\n  compression_mode: MESSAGE\n"


@dataclass(frozen=True)
class Bag:
    """A bag on the disk: its messages, and the file that is to be damaged."""

    folder: Path
    truth: list[Message]
    file: Path


def known_rows() -> list[Row]:
    """Messages of two topics, some on several pages, at irregular times."""
    rolled = random.Random(5)  # noqa: S311
    rows, time = [], START
    for n in range(COUNT):
        time += rolled.randrange(10**6, 10**7)
        size = 9000 if n % 50 == 7 else rolled.randrange(20, 400)
        rows.append((1 + (n % 3 == 0), time, b"\0\1\0\0" + rolled.randbytes(size)))
    return rows


def _stored(rows: list[Row], *, packed: bool) -> list[Row]:
    pack = zstandard.ZstdCompressor().compress if packed else bytes
    return [(topic, time, pack(data)) for topic, time, data in rows]


def _bag(file: Path, rows: list[Row]) -> Bag:
    return Bag(file.parent, sorted((time, _NAMES[key], data) for key, time, data in rows), file)


def _claims(rows: list[Row], *, packed: bool) -> dict[str, object]:
    return {
        "count": len(rows),
        "start": rows[0][1],
        "duration": rows[-1][1] - rows[0][1],
        "topics": [
            (name, kind, sum(topic == key for topic, _, _ in rows)) for key, name, kind in TOPICS
        ],
        "more": _MESSAGE_ZSTD if packed else "",
    }


def sqlite_bag(folder: Path, *, schema: int = 4, packed: bool = False) -> Bag:
    """A database as a recorder closes it."""
    rows = known_rows()
    file = database(folder / "bag_0.db3", _stored(rows, packed=packed), schema=schema)
    metadata(folder, **_claims(rows, packed=packed))
    return _bag(file, rows)


def wal_bag(folder: Path, *, again: bool = False) -> Bag:
    """The files of a recorder that was killed; `again` leaves frames of an earlier cycle in the log."""
    rows = known_rows()
    live = database(folder / "live.db3", rows[:50])
    with closing(sqlite3.connect(live)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        for start in range(50, COUNT, 25):
            connection.executemany(
                "INSERT INTO messages (topic_id, timestamp, data) VALUES (?, ?, ?)",
                rows[start : start + 25],
            )
            connection.commit()
            if again and start == COUNT - 100:
                connection.execute("PRAGMA wal_checkpoint")
        for end in ("", "-wal"):
            shutil.copy(f"{live}{end}", folder / f"bag_0.db3{end}")
    for path in folder.glob("live*"):
        path.unlink()
    metadata(folder, **_claims(rows, packed=False))
    return _bag(folder / "bag_0.db3-wal", rows)


def mcap_file(
    folder: Path,
    *,
    compression: str | None,
    summary: bool = True,
    index: bool = True,
    packed: bool = False,
) -> Bag:
    """An MCAP file; without a compression its messages lie outside of chunks."""
    rows = known_rows()
    stored = _stored(rows, packed=packed)
    groups = [stored[n : n + 30] for n in range(0, COUNT, 30)]
    promised = None if summary else -1
    layout = Mcap(groups, compression, index=index, repeat=summary, promised=promised)
    mcap_bag(folder, layout.data(), **_claims(rows, packed=packed))
    return _bag(folder / "bag_0.mcap", rows)


KINDS: dict[str, Callable[[Path], Bag]] = {
    **{f"db3 schema {n}": partial(sqlite_bag, schema=n) for n in (1, 2, 3, 4)},
    "db3 zstd messages": partial(sqlite_bag, packed=True),
    "db3 wal": wal_bag,
    "db3 wal again": partial(wal_bag, again=True),
    "mcap zstd": partial(mcap_file, compression="zstd"),
    "mcap lz4": partial(mcap_file, compression="lz4"),
    "mcap plain": partial(mcap_file, compression=""),
    "mcap no index": partial(mcap_file, compression="zstd", index=False),
    "mcap no summary": partial(mcap_file, compression="lz4", summary=False),
    "mcap no chunks": partial(mcap_file, compression=None),
    "mcap zstd messages": partial(mcap_file, compression=None, packed=True),
}
