"""Verdicts on bags of very many files and topics: seconds and peak memory of the child process.

    python -m benchmarks.rosbag2_limits [--files 10000] [--topics 10000]

Judges a bag of so many files (aim: below 20 s) and one of so many topics; then one of a fifth more files
(aim: refused within a second), and one of ten times the topics.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import _options
from rosbag2.budget import MAX_FILES, MAX_TOPICS
from rosbag2.formats.metadata import Topic
from rosbag2.sandbox import checks
from rosbag2.writing.sqlite_writer import BagWriter

ROOT = Path(__file__).resolve().parent.parent
START = 1_700_000_000 * 10**9


def main() -> None:
    """Generate, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=MAX_FILES)
    parser.add_argument("--topics", type=int, default=MAX_TOPICS)
    parser.add_argument("--judge", type=Path, help=argparse.SUPPRESS)
    options = _options.parse(parser, files=20, topics=20)
    if options.judge:
        print(json.dumps(judged(options.judge)))
        return
    with TemporaryDirectory() as place:
        for name, folder in bags(Path(place), options.files, options.topics):
            command = [sys.executable, "-m", "benchmarks.rosbag2_limits", "--judge", str(folder)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
            print(json.dumps({"bag": name} | json.loads(done.stdout)), flush=True)
            shutil.rmtree(folder)


def bags(place: Path, files: int, topics: int) -> list[tuple[str, Path]]:
    """Write the bags."""
    many_files = [(f"{count} files", of_files(place, count)) for count in (files, files * 6 // 5)]
    return many_files + [
        (f"{count} topics", of_topics(place, count)) for count in (topics, topics * 10)
    ]


def of_files(place: Path, count: int) -> Path:
    """Write a bag of so many files: copies of one, with its metadata extended."""
    folder = place / f"files-{count}"
    with BagWriter(folder) as writer:
        topic = writer.add_topic(Topic("/chatter", "std_msgs/msg/String"))
        writer.write(topic, START, b"\0\1\0\0")
    (file,) = folder.glob("*.db3")
    for number in range(1, count):
        shutil.copyfile(file, folder / f"more_{number}.db3")
    names = [file.name, *(f"more_{number}.db3" for number in range(1, count))]
    (folder / "metadata.yaml").write_text(
        "rosbag2_bagfile_information:\n  version: 4\n  storage_identifier: sqlite3\n"
        f"  relative_file_paths: [{', '.join(names)}]\n"
    )
    return folder


def of_topics(place: Path, count: int) -> Path:
    """Write a bag of so many topics, with a message each and without metadata.yaml."""
    folder = place / f"topics-{count}"
    with BagWriter(folder) as writer:
        for number in range(count):
            topic = writer.add_topic(Topic(f"/topic_{number}", "std_msgs/msg/String"))
            writer.write(topic, START + number, b"\0\1\0\0")
    (folder / "metadata.yaml").unlink()
    return folder


def judged(folder: Path) -> dict[str, object]:
    """Judge a bag, and measure the child process."""
    start = time.perf_counter()
    verdict = checks.verify_or_repair(folder, folder.with_name("repaired"), scratch=folder.parent)
    seconds = time.perf_counter() - start
    shutil.rmtree(folder.with_name("repaired"), ignore_errors=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "status": verdict.status,
        "code": verdict.code,
        "messages": verdict.message_count,
        "seconds": round(seconds, 2),
        "processor_seconds": round(used.ru_utime + used.ru_stime, 2),
        "peak_mb": used.ru_maxrss // 1024,
    }


if __name__ == "__main__":
    main()
