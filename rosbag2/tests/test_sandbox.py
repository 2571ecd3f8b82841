"""Checks in a child process: the same outcome as without, and an outcome even when the child is ended."""

import os
import signal
import threading
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import zstandard

from rosbag2.checks.verdict import from_json
from rosbag2.checks.verify import verify
from rosbag2.extraction.decoded_bag import EVER
from rosbag2.recovery.repair import verify_or_repair
from rosbag2.sandbox import checks, runner
from rosbag2.sandbox.checks import LIMITS
from rosbag2.tests.bundles import START, bag, database, metadata, read, rows
from rosbag2.writing.sample import make_sample


def test_the_outcome_is_that_of_the_check_itself(tmp_path: Path) -> None:
    folder = bag(tmp_path / "bag", rows(1000))
    verdict = checks.verify(folder)
    assert verdict == verify(folder)
    assert verdict.index is not None
    assert verdict.index.rhythms


def test_a_repair_leaves_its_target(tmp_path: Path) -> None:
    folder = bag(tmp_path / "bag")
    (folder / "metadata.yaml").unlink()
    verdict = checks.repair(folder, tmp_path / "new")
    assert (verdict.status, verdict.message_count) == ("repaired", 10)
    assert len(read(tmp_path / "new")) == 10
    assert verdict == verify_or_repair(folder, tmp_path / "again")


def test_a_repaired_outcome_survives_json(tmp_path: Path) -> None:
    for n in (0, 2):
        database(tmp_path / f"bag_{n}.db3", rows(10, START + n * 10**9))
    metadata(tmp_path, files=[f"bag_{n}.db3" for n in range(3)])
    verdict = verify_or_repair(tmp_path, tmp_path / "new")
    assert verdict.lost
    assert from_json(asdict(verdict)) == verdict


def test_an_existing_target_stays(tmp_path: Path) -> None:
    taken = bag(tmp_path / "new")
    folder = bag(tmp_path / "bag")
    (folder / "metadata.yaml").unlink()
    assert checks.verify_or_repair(folder, taken).code == "BAG_EXISTS"
    assert len(read(taken)) == 10


def test_too_little_memory_is_an_outcome(tmp_path: Path) -> None:
    # The size of a bag earns memory; this one is small.
    packed = zstandard.compress(b"\0\1\0\0" + bytes(200 * 2**20))
    folder = bag(tmp_path / "bag", [(1, START, packed)])
    verdict = checks.verify(folder, replace(LIMITS, memory_bytes=250 * 2**20))
    assert (verdict.status, verdict.code) == ("rejected", "CHECK_TOO_LARGE")
    assert verdict.details == {"megabytes": 250}


@pytest.mark.parametrize(
    ("work", "limit"),
    [("pass", {"cpu_seconds": 1.0}), ("time.sleep(1)", {"silent_seconds": 1.0})],
)
def test_too_little_time_is_an_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: str, limit: dict[str, float]
) -> None:
    endless = f"import time\ndef endless(job, effort):\n while True: {work}\n yield"
    setup = f"from rosbag2.sandbox.jobs import JOBS\n{endless}\nJOBS['verify'] = endless\nmain()"
    monkeypatch.setattr(runner, "_PROGRAM", runner._PROGRAM.replace("main()", setup))
    verdict = checks.verify(bag(tmp_path / "bag"), replace(LIMITS, **limit))
    assert (verdict.status, verdict.code) == ("rejected", "CHECK_TOO_SLOW")


def test_a_bag_that_makes_progress_may_take_longer(tmp_path: Path) -> None:
    folder = bag(tmp_path / "bag", rows(200_000))
    seen: list[int] = []
    verdict = checks.verify(
        folder, replace(LIMITS, cpu_seconds=60.0, pace_bytes=1), on_progress=seen.append
    )
    assert verdict.message_count == 200_000
    assert seen == sorted(seen)


def test_a_killed_child_is_an_outcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = bag(tmp_path / "bag", rows(200_000))
    started: list[int] = []
    begin = runner.subprocess.Popen

    def recording_popen(*args: Any, **kwargs: Any) -> Any:
        process = begin(*args, **kwargs)
        started.append(process.pid)
        os.kill(process.pid, signal.SIGTERM)
        return process

    monkeypatch.setattr(runner.subprocess, "Popen", recording_popen)
    verdict = checks.verify(folder)
    assert (verdict.status, verdict.code) == ("rejected", "CHECK_BROKE_OFF")
    assert not psutil.pid_exists(started[0])


def test_many_at_once(tmp_path: Path) -> None:
    folder = bag(tmp_path / "bag", rows(1000))
    verdicts: list[int | None] = []
    threads = [
        threading.Thread(target=lambda: verdicts.append(checks.verify(folder).message_count))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdicts == [1000] * 4


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("messages", {"topics": None, "limit": 3, "items": 5}),
        ("fields", {"topic": "/odom"}),
        ("trajectory", {"topic": "/odom", "points": 10, "frame": "", "gaps": []}),
        ("series", {"topic": "/odom", "field": "pose.pose.position.x", "points": 5, "count": 9}),
    ],
)
def test_previews_in_the_child(tmp_path: Path, name: str, arguments: dict[str, Any]) -> None:
    make_sample(tmp_path / "bag", seconds=1)
    job = {"name": name, "folder": str(tmp_path / "bag"), "span": EVER, **arguments}
    assert list(runner.run(job, runner.Limits()))


def test_the_words_of_an_exception_are_no_reason() -> None:
    with pytest.raises(runner.JobEndedError) as caught:
        list(runner.run({"name": "no such job"}, runner.Limits()))
    assert "KeyError" not in caught.value.reason
    assert "KeyError" in caught.value.errors
