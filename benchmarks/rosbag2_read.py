"""Reading a sqlite3 bag of a million messages: own reader, plain cursor, and the `rosbags` library.

    python -m benchmarks.rosbag2_read [--messages 1000000] [--bytes 200] [--rounds 3]

Prints the best seconds of each and ratios to the bare cursor; aim: the reader not above 1.3.
"""

import argparse
import json
import resource
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from rosbags.rosbag2 import Reader

from benchmarks import _options
from rosbag2.checks.verify import verify
from rosbag2.formats.metadata import Topic
from rosbag2.reading.reader import BagReader
from rosbag2.writing.sqlite_writer import BagWriter

COLUMNS = "SELECT timestamp, topic_id, data FROM messages ORDER BY timestamp"
GROUPED = "SELECT topic_id, count(*), sum(length(data)) FROM messages GROUP BY topic_id"


def main() -> None:
    """Generate, read, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--bytes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    options = _options.parse(parser, messages=2000, rounds=1)
    with TemporaryDirectory() as place:
        folder = Path(place) / "bag"
        generate(folder, options.messages, options.bytes)
        readers: dict[str, Callable[[Path], int]] = {
            "bare cursor": bare,
            "BagReader.batches": ours,
            "rosbags open and read": theirs,
            "bare GROUP BY topic_id": grouped,
            "verify": verified,
        }
        seconds = {name: measure(read, folder, options) for name, read in readers.items()}
    report(seconds)


def generate(folder: Path, messages: int, size: int) -> None:
    """Write a bag of ten topics at 1,000 messages per second."""
    with BagWriter(folder) as writer:
        topics = [writer.add_topic(Topic(f"/topic_{n}", "std_msgs/msg/String")) for n in range(10)]
        for number in range(messages):
            data = b"\0\1\0\0" + number.to_bytes(4, "little") * (size // 4 - 1)
            writer.write(topics[number % 10], 1_700_000_000 * 10**9 + number * 10**6, data)


def bare(folder: Path) -> int:
    """Read every row by the fastest loop of sqlite3."""
    connection = sqlite3.connect(database(folder), uri=True)
    count = 0
    for _row in connection.execute(COLUMNS):
        count += 1
    connection.close()
    return count


def ours(folder: Path) -> int:
    """Read every message like an agent."""
    with BagReader(folder) as reader:
        return sum(len(batch) for batch in reader.batches())


def theirs(folder: Path) -> int:
    """Read every message by `rosbags`."""
    count = 0
    with Reader(folder) as reader:
        for _message in reader.messages():
            count += 1
    return count


def grouped(folder: Path) -> int:
    """Do the minimum that verification is compared with."""
    connection = sqlite3.connect(database(folder), uri=True)
    rows = connection.execute(GROUPED).fetchall()
    connection.close()
    return sum(row[1] for row in rows)


def verified(folder: Path) -> int:
    """Run the complete verification."""
    verdict = verify(folder)
    assert verdict.index is not None, verdict.sentence
    return verdict.index.message_count


def database(folder: Path) -> str:
    """Return the URI of the data file."""
    return f"{next(folder.glob('*.db3')).as_uri()}?mode=ro&immutable=1"


def measure(read: Callable[[Path], int], folder: Path, options: argparse.Namespace) -> float:
    """Measure the best time of some rounds in seconds; each must yield every message."""
    best = float("inf")
    for _ in range(options.rounds):
        start = time.perf_counter()
        count = read(folder)
        best = min(best, time.perf_counter() - start)
        assert count == options.messages, (read.__name__, count)
    return best


def report(seconds: dict[str, float]) -> None:
    """Print a table, and one line of JSON."""
    base = seconds["bare cursor"]
    for name, value in seconds.items():
        print(f"{name:24} {value:7.3f} s {value / base:6.2f} x bare cursor")
    ratios = {
        "reader_to_cursor": round(seconds["BagReader.batches"] / base, 3),
        "rosbags_to_cursor": round(seconds["rosbags open and read"] / base, 3),
        "verify_to_group_by": round(seconds["verify"] / seconds["bare GROUP BY topic_id"], 3),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(ratios))


if __name__ == "__main__":
    main()
