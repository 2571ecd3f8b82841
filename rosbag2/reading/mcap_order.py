"""Messages of chunks that overlap in time, put in order with bounded memory."""

import heapq
import sqlite3
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from pathlib import Path

from rosbag2.formats.mcap_records import Chunk
from rosbag2.reading.base import MAX_BACK, Doubt, Message
from rosbag2.reading.mcap_layout import Run

_TIME = itemgetter(0)


@dataclass(frozen=True)
class Piece:
    """A part of a file: first and last time in nanoseconds, both included, and bytes unpacked."""

    first_ns: int
    last_ns: int
    size: int
    part: Chunk | Run


def doubts_of(chunk: Chunk, samples: Sequence[tuple[int, int, int]], number: int) -> list[Doubt]:
    """The messages (channel, time, size) that lie far outside of their chunk's claim, if they are few.

    `number` is that of the first message of the chunk.
    """
    claimed = [min(max(time, chunk.first_ns), chunk.last_ns) for _, time, _ in samples]
    doubtful = [
        place for place, (_, time, _) in enumerate(samples) if abs(time - claimed[place]) > MAX_BACK
    ]
    if 2 * len(doubtful) >= len(samples):
        return []
    times = [None, *(time for _, time, _ in samples), None]
    return [
        Doubt(number + place, *samples[place][:2], claimed[place], times[place], times[place + 2])
        for place in doubtful
    ]


def max_overlap(pieces: list[Piece]) -> int:
    """The most bytes that wait at once when pieces, sorted by their start, are merged."""
    waiting: list[tuple[int, int]] = []
    held = maximum = 0
    for piece, following in pairwise(pieces):
        heapq.heappush(waiting, (piece.last_ns, piece.size))
        held += piece.size
        while waiting and waiting[0][0] < following.first_ns:
            held -= heapq.heappop(waiting)[1]
        maximum = max(maximum, held)
    return maximum


def in_order(pieces: list[Piece], load: Callable[[Piece], list[Message]]) -> Iterator[Message]:
    """Messages in time order; `load` gives those of a piece, sorted."""
    waiting: list[Message] = []
    for place, piece in enumerate(pieces):
        waiting += load(piece)
        waiting.sort(key=_TIME)
        cut = len(waiting)
        if place + 1 < len(pieces):
            cut = bisect_left(waiting, pieces[place + 1].first_ns, key=_TIME)
        ready, waiting = waiting[:cut], waiting[cut:]
        yield from ready
        del ready  # else held while the next are read


def sorted_on_disk(lists: Iterable[list[Message]], path: Path) -> Iterator[Message]:
    """The same messages by time, sorted in a database at `path`; memory stays small."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("CREATE TABLE messages(time INTEGER, topic TEXT, data BLOB)")
        for messages in lists:
            connection.executemany("INSERT INTO messages VALUES (?, ?, ?)", messages)
        connection.execute("CREATE INDEX by_time ON messages (time)")
        yield from connection.execute("SELECT time, topic, data FROM messages ORDER BY time, rowid")
