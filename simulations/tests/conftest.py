"""What the tests of simulations stand on: a small bag, a design, and a whole system of processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from accounts.choices import Role
from accounts.models import User
from rosbag2.formats.metadata import Topic
from rosbag2.writing.sqlite_writer import BagWriter
from simulations.models import Execution, Mec, Simulation
from simulations.services.designs import mecs
from simulations.services.designs.simulations import StageSpec, create_simulation
from storage.models import Rosbag
from templates.models import Template
from templates.services import templates
from tests.support.bags import stored_bag

MESSAGES = 40


@pytest.fixture(autouse=True)
def own_folders(settings: Any, tmp_path: Path, empty_redis: None) -> None:
    settings.STORAGE_DIR = tmp_path / "objects"
    settings.DATA_DIR = tmp_path / "data"


@pytest.fixture
def rosbag(db: None, tmp_path: Path) -> Rosbag:
    """A rosbag of 40 messages in 2 seconds."""
    folder = tmp_path / "bag"
    with BagWriter(folder) as bag:
        odom = bag.add_topic(Topic("/odom", "nav_msgs/msg/Odometry"))
        for number in range(MESSAGES):
            bag.write(odom, 10**9 + number * 50_000_000, bytes([0, 1, 0, 0, number]))
    return stored_bag(folder)


@pytest.fixture
def template(rosbag: Rosbag) -> Template:
    return templates.create(
        name="driver",
        rosbag=rosbag,
        record_topics=[{"name": "/odom", "type": "nav_msgs/msg/Odometry"}],
    )


@pytest.fixture
def mec(db: None) -> Mec:
    return mecs.ensure("nowhere", name="Nowhere", transport="null")


@pytest.fixture
def design(template: Template, mec: Mec) -> Callable[..., Simulation]:
    def make(*agents: int, pattern: str = "sequential", name: str = "drive", **stage: Any) -> Any:
        stages = [StageSpec(template=template, agent_count=n, **stage) for n in agents or (2,)]
        return create_simulation(name=name, pattern=pattern, mec=mec, stages=stages)

    return make


Console = Callable[[Role], Client]


@pytest.fixture
def console(db: None) -> Console:
    """Signs somebody of a role in to the console."""

    def sign_in(role: Role) -> Client:
        client = Client()
        client.force_login(User.objects.get_or_create(email=f"{role}@example.org", role=role)[0])
        return client

    return sign_in


class System:
    """Controller and worker as processes, beside the test's own server."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._environment = environment
        self._log = log
        self._children: list[subprocess.Popen[bytes]] = []

    def set(self, name: str, value: str) -> None:
        """Another setting for what is started from now on."""
        self._environment[name] = value

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        return self._run("manage.py", *words)

    def server(self, port: int) -> subprocess.Popen[bytes]:
        """A server of its own, that may be killed; units and controllers started later use it."""
        self._environment["SERVER_URL"] = f"http://127.0.0.1:{port}"
        app = "robotsim_project.asgi:application"
        return self._run("-m", "uvicorn", app, "--port", str(port))

    def _run(self, *words: str) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, *words],
                cwd=settings.BASE_DIR,
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        self._children.append(child)
        return child

    def controller(self) -> subprocess.Popen[bytes]:
        return self.start("run_controller")

    def end(self) -> None:
        for child in self._children:
            child.send_signal(signal.SIGKILL)
            child.wait()


def unit_processes(data_dir: Path) -> list[int]:
    """Process ids of the units that work in this data folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            environ = (entry / "environ").read_bytes()
        except OSError:
            continue
        if f"ROBOTSIM_WORK_DIR={data_dir}".encode() in environ and state != "Z":
            found.append(int(entry.name))
    return found


@pytest.fixture
def system(
    live_server: Any, process_environment: dict[str, str], settings: Any, tmp_path: Path
) -> Iterator[System]:
    environment = process_environment | {
        "DATA_DIR": str(settings.DATA_DIR),
        "STORAGE_DIR": str(settings.STORAGE_DIR),
        "SERVER_URL": live_server.url,
        "SECRET_KEY": settings.SECRET_KEY,
        "RELEASE_LEAD_SECONDS": "1",
        "HEARTBEAT_SECONDS": "0.3",
        "HUNG_AFTER_SECONDS": "3",
        "MINIO_ENDPOINT": settings.MINIO_ENDPOINT,
        "MINIO_ACCESS_KEY": settings.MINIO_ACCESS_KEY,
        "MINIO_SECRET_KEY": settings.MINIO_SECRET_KEY,
        "MINIO_BUCKET": settings.MINIO_BUCKET,
    }
    settings.HEARTBEAT_SECONDS = 0.3
    running = System(environment, tmp_path / "system.log")
    running.start("run_worker", "--interval", "0.2", "--no-startup-delay", "--no-reload")
    yield running
    running.end()
    for pid in unit_processes(settings.DATA_DIR):
        os.kill(pid, signal.SIGKILL)


def until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """Wait for a condition; its value. The time is a bound against hanging, not an expectation."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError("it never came to be")


def ended(execution: Execution) -> Execution:
    """The execution, once it has ended."""

    def look() -> bool:
        execution.refresh_from_db()
        return execution.ended

    until(look, 90)
    return execution


def in_status(execution: Execution, status: str) -> None:
    """Wait until the execution is in this state."""

    def look() -> bool:
        execution.refresh_from_db()
        assert execution.status == status or not execution.ended
        return execution.status == status

    until(look)
