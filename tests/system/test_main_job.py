"""The main job as a user runs it: `make demo` on the embedded default, from an empty data folder."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from robotsim_project.environment import BASE_DIR
from rosbag2.checks.index import index_bag
from rosbag2.writing.sample import make_sample
from tests.support.ports import free_port

pytestmark = pytest.mark.main_job

BAGS = BASE_DIR.parent / "shared" / "bags"
KEYS = [
    "execution",
    "status",
    "data_status",
    "agents",
    "messages_published",
    "messages_undelivered",
    "messages_late",
    "start_skew_us_max",
    "lateness_us_p99",
    "recordings",
    "cpu_seconds",
    "memory_peak_bytes",
    "cpu_cores_requested",
    "memory_requested_bytes",
    "seconds",
]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Environment of a new user, without settings and test services."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    data = tmp_path / "data"
    return kept | {
        "DATA_DIR": str(data),
        "DATABASE_URL": f"sqlite:///{data}/robotsim.sqlite3",
        "REDIS_URL": "",
        "MINIO_ENDPOINT": "",
        "ENVIRONMENT": "development",
        "PORT": str(free_port()),
        "TMPDIR": str(tmp_path),
    }


def launch(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "launcher", *words],
        cwd=BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


@contextmanager
def serving(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "launcher", "run"],
        cwd=BASE_DIR,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=180)


def read_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout is not None
    seen = ""
    while words not in seen:
        line = process.stdout.readline()
        assert line, seen
        seen += line
    return seen


def summary(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert list(found) == KEYS
    return found


def assert_refused(done: subprocess.CompletedProcess[str]) -> None:
    """Assert that a demo could not start: a sentence, and a summary without values."""
    assert done.returncode == 2
    assert set(summary(done).values()) == {None}
    assert "Traceback" not in done.stderr


def left_running(data: str) -> list[str]:
    """Command lines of processes that still work in the data folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"DATA_DIR={data}\0".encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_text())
        except OSError:
            continue
    return found


def test_demo_with_the_sample(environment: dict[str, str], tmp_path: Path) -> None:
    make_sample(tmp_path / "bag")
    done = launch(environment, "demo")
    found = summary(done)
    assert done.returncode == 0, done.stderr
    assert (found["status"], found["data_status"], found["agents"]) == ("COMPLETED", "COMPLETE", 20)
    assert found["messages_published"] == 20 * index_bag(tmp_path / "bag").message_count
    assert found["recordings"] > 0
    assert left_running(environment["DATA_DIR"]) == []
    data = Path(environment["DATA_DIR"])
    assert (data / "admin-password").read_text().strip() in done.stderr
    assert open_to_others(data) == []


def open_to_others(data: Path) -> list[str]:
    """What other users of the machine may read: database, journal, append-only file, rosbags, logs."""
    paths = [data, *data.rglob("*")]
    assert {"robotsim.sqlite3", "redis", "storage", "logs"} <= {path.name for path in paths}
    return [str(path) for path in paths if path.lstat().st_mode & 0o077 and not path.is_symlink()]


# One after the other: each takes the first free port for its router.
@pytest.mark.xdist_group("zenoh")
@pytest.mark.parametrize("pattern", ["sequential", "parallel"])
def test_demo_over_zenoh(environment: dict[str, str], pattern: str) -> None:
    bag = BAGS / "ok-v4-foxy-talker-sqlite"
    if not bag.is_dir():
        pytest.skip("the bundles of others are not here")
    words = {"BAG": str(bag), "AGENTS": "3", "TRANSPORT": "zenoh-raw", "RATE": "10"}
    done = launch({**environment, **words, "PATTERN": pattern}, "demo")
    found = summary(done)
    assert done.returncode == 0, done.stderr
    assert found["status"] == "COMPLETED"
    assert found["messages_published"] == 3 * 20
    assert left_running(environment["DATA_DIR"]) == []


def test_run_serves_takes_demos_and_refuses_a_second_run(environment: dict[str, str]) -> None:
    with serving(environment) as process:
        seen = read_until(process, "Ctrl-C")
        assert "COMPLETED" in seen
        with urllib.request.urlopen(f"http://127.0.0.1:{environment['PORT']}/") as answer:
            assert json.load(answer) == {"message": "Robot Simulator Backend API"}
        second = launch(environment, "run")
        assert second.returncode == 2
        assert "already running" in second.stderr
        demo = launch({**environment, "AGENTS": "1", "RATE": "max"}, "demo")
        assert demo.returncode == 0, demo.stderr
        too_many = launch({**environment, "AGENTS": "1000000"}, "demo")
        assert_refused(too_many)
    assert left_running(environment["DATA_DIR"]) == []
    with serving(environment) as process:
        again = read_until(process, "Ctrl-C")
        assert "password" not in again


def test_a_rejected_bundle(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = launch({**environment, "BAG": str(tmp_path / "empty")}, "demo")
    assert_refused(done)
    assert "no .db3 or .mcap file" in done.stderr


@pytest.mark.parametrize("words", [{"AGENTS": "none"}, {"RATE": "0"}, {"BAG": "/not/there"}])
def test_bad_words_start_nothing(environment: dict[str, str], words: dict[str, str]) -> None:
    done = launch({**environment, **words}, "demo")
    assert done.returncode == 2
    assert next(iter(words)) in done.stderr
    assert not Path(environment["DATA_DIR"]).exists()
