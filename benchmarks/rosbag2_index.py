"""Index of a bag of a million messages, as sqlite3 and as MCAP, compared with a GROUP BY query.

    python -m benchmarks.rosbag2_index [--messages 1000000] [--bytes 200] [--rounds 3] [--large 2]

Prints the best seconds, the ratio to the GROUP BY (aim: not above 2), and the peak memory of a process that
indexes a bundle of `--large` GiB of messages of 1 MiB (aim: not above 200 MB; 0 leaves that out).
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from mcap.writer import CompressionType, Writer

from benchmarks import _options
from rosbag2.checks.index import index_bag
from rosbag2.formats.metadata import Topic
from rosbag2.writing.sqlite_writer import BagWriter

ROOT = Path(__file__).resolve().parent.parent
TOPICS = 10
HEADER = b"\0\1\0\0"
START = 1_700_000_000 * 10**9
GROUPED = (
    "SELECT topic_id, count(*), min(timestamp), max(timestamp), sum(length(data)) FROM messages "
    "GROUP BY topic_id"
)
Rows = Iterator[tuple[int, int, bytes]]


def main() -> None:
    """Generate, index, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--bytes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", type=float, default=2.0)
    parser.add_argument("--peak-of", type=Path, help=argparse.SUPPRESS)
    options = _options.parse(parser, messages=2000, rounds=1, large=0.01)
    if options.peak_of:
        print(json.dumps(peak(options.peak_of)))
        return
    with TemporaryDirectory() as place:
        report(speeds(Path(place), options), peaks(Path(place), options))


def speeds(place: Path, options: argparse.Namespace) -> dict[str, float]:
    """Measure the best time of some rounds, all on the same messages, in seconds."""
    sqlite, mcap, packed = place / "sqlite", place / "mcap", place / "mcap-zstd"
    write_sqlite(sqlite, rows(options.messages, options.bytes))
    write_mcap(mcap, rows(options.messages, options.bytes), CompressionType.NONE)
    write_mcap(packed, rows(options.messages, options.bytes), CompressionType.ZSTD)
    steps: dict[str, Callable[[], int]] = {
        "bare GROUP BY topic_id": lambda: grouped(sqlite),
        "index of sqlite3": lambda: index_bag(sqlite).message_count,
        "index of MCAP": lambda: index_bag(mcap).message_count,
        "index of MCAP, zstd": lambda: index_bag(packed).message_count,
    }
    best = dict.fromkeys(steps, float("inf"))
    for _ in range(options.rounds):
        for name, step in steps.items():
            start = time.perf_counter()
            assert step() == options.messages, name
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def peaks(place: Path, options: argparse.Namespace) -> dict[str, int]:
    """Measure the peak memory in MB of processes that index one bundle each."""
    result = {name: measured(place / name) for name in ("sqlite", "mcap", "mcap-zstd")}
    if options.large:
        count = int(options.large * 1024)
        write_sqlite(place / "large-sqlite", rows(count, 2**20))
        result["large-sqlite"] = measured(place / "large-sqlite")
        write_mcap(place / "large-mcap", rows(count, 2**20), CompressionType.NONE)
        result["large-mcap"] = measured(place / "large-mcap")
    return result


def measured(folder: Path) -> int:
    """Measure the peak memory in MB of a separate process."""
    command = [sys.executable, "-m", "benchmarks.rosbag2_index", "--peak-of", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return int(json.loads(done.stdout)["megabytes"])


def peak(folder: Path) -> dict[str, int]:
    """Index a bundle in this process, and print its peak memory."""
    count = index_bag(folder).message_count
    # Not ru_maxrss, which begins with what the parent had.
    status = Path("/proc/self/status").read_text()
    (kilobytes,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return {"messages": count, "megabytes": int(kilobytes) // 1024}


def rows(count: int, size: int) -> Rows:
    """Generate messages of ten topics in turn, a thousand per second."""
    body = os.urandom(size - 12)
    for number in range(count):
        yield number % TOPICS, START + number * 10**6, HEADER + number.to_bytes(8, "little") + body


def write_sqlite(folder: Path, messages: Rows) -> None:
    """Write the messages by the project's own writer."""
    with BagWriter(folder) as writer:
        topics = [writer.add_topic(topic(number)) for number in range(TOPICS)]
        for number, stamp, data in messages:
            writer.write(topics[number], stamp, data)


def write_mcap(folder: Path, messages: Rows, compression: CompressionType) -> None:
    """Write the messages by the `mcap` library."""
    folder.mkdir()
    with (folder / "bag_0.mcap").open("wb") as stream:
        writer = Writer(stream, compression=compression)
        writer.start("ros2")
        schema = writer.register_schema("std_msgs/msg/String", "ros2msg", b"string data\n")
        channels = [
            writer.register_channel(topic(number).name, "cdr", schema) for number in range(TOPICS)
        ]
        for number, stamp, data in messages:
            writer.add_message(channels[number], stamp, data, stamp)
        writer.finish()
    (folder / "metadata.yaml").write_text(
        "rosbag2_bagfile_information:\n  version: 5\n  storage_identifier: mcap\n"
        "  relative_file_paths: [bag_0.mcap]\n"
    )


def topic(number: int) -> Topic:
    """Return one of the ten topics."""
    return Topic(f"/topic_{number}", "std_msgs/msg/String")


def grouped(folder: Path) -> int:
    """Run the query that the index is compared with."""
    file = next(folder.glob("*.db3"))
    connection = sqlite3.connect(f"{file.as_uri()}?mode=ro&immutable=1", uri=True)
    result = connection.execute(GROUPED).fetchall()
    connection.close()
    return sum(row[1] for row in result)


def report(seconds: dict[str, float], megabytes: dict[str, int]) -> None:
    """Print a table, and one line of JSON."""
    base = seconds["bare GROUP BY topic_id"]
    for name, value in seconds.items():
        print(f"{name:24} {value:7.3f} s {value / base:6.2f} x GROUP BY")
    for name, size in megabytes.items():
        print(f"peak of {name:16} {size:5d} MB")
    ratios = {
        f"{name.removeprefix('index of ')}_to_group_by": round(value / base, 3)
        for name, value in seconds.items()
    }
    print(json.dumps(ratios | {"peak_mb": megabytes}))


if __name__ == "__main__":
    main()
