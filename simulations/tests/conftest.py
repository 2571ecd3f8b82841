"""Fixtures of simulations: a small bag, a design, and a system of processes."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from agent.protocol import PROTOCOL, AgentReport, AgentState, Registration, Snapshot
from rosbag2.formats.metadata import Topic
from rosbag2.writing.sqlite_writer import BagWriter
from simulations.backends.kubernetes import watching
from simulations.backends.kubernetes.client import shared_cluster
from simulations.live import connection, silence
from simulations.models import Execution, Mec, Simulation, StageRun
from simulations.services.designs import mecs
from simulations.services.designs.simulations import StageSpec, create_simulation
from simulations.services.runs import lifecycle, registration
from simulations.tests.fake_backend import FakeBackend
from simulations.tests.processes import System, kill_all, unit_processes
from simulations.tests.recording_unit import RecordingUnit
from simulations.tests.stream_client import Server, end_servers
from storage.models import Rosbag
from templates.models import Template
from templates.services import templates
from tests.support.bags import stored_bag
from tests.support.kubernetes_api import KubernetesApi

MESSAGES = 40
HUNG_AFTER_SECONDS = 60
"""Silence after which a unit of `system` is killed; more than that of one on a busy machine."""


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


@pytest.fixture
def kubernetes_api(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Any
) -> Iterator[KubernetesApi]:
    """An API server of Kubernetes, which the backend `kubernetes` finds."""
    settings.AGENT_NAMESPACE = "robot-agents"
    with KubernetesApi("robot-agents") as api:
        api.write_kubeconfig(tmp_path / "kubeconfig", tmp_path / "token")
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        shared_cluster.cache_clear()
        yield api
        watching.stop_all()
        shared_cluster.cache_clear()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeBackend:
    backend = FakeBackend()
    for module in ("active_stage", "leftovers"):
        name = f"simulations.services.runs.{module}.backend"
        monkeypatch.setattr(name, lambda _name: backend)
    return backend


Console = Callable[[Role], Client]
Design = Callable[..., Simulation]
Serve = Callable[..., Server]


@pytest.fixture
def console(db: None) -> Console:
    """Sign a user of a role in to the console."""

    def sign_in(role: Role) -> Client:
        client = Client()
        client.force_login(User.objects.get_or_create(email=f"{role}@example.org", role=role)[0])
        return client

    return sign_in


@pytest.fixture
def stage_run(design: Design) -> StageRun:
    """A stage of two agents in one unit that has registered and was released."""
    execution = lifecycle.start(design(2))
    Execution.objects.update(status="RUNNING")
    StageRun.objects.update(status="RUNNING", handle="there")
    stage_run = execution.stage_runs.get()
    registered(stage_run)
    return stage_run


MakeUnit = Callable[..., RecordingUnit]


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.s3)])
def store(request: pytest.FixtureRequest, own_folders: None) -> str:
    """Each of the stores in turn."""
    if request.param == "s3":
        request.getfixturevalue("s3_settings")
    return str(request.param)


@pytest.fixture
def make_unit(design: Design, template: Template, tmp_path: Path) -> MakeUnit:
    """A unit of two agents that has registered and was released; its template may be changed."""

    def make(*, agents: int = 2, **fields: str) -> RecordingUnit:
        Template.objects.update(**fields)
        template.refresh_from_db()
        stage_run = lifecycle.start(design(agents, retries=1)).stage_runs.get()
        Execution.objects.update(status="RUNNING")
        StageRun.objects.update(status="RUNNING", handle="there", release_at="2023-01-01T00:00Z")
        stage_run.refresh_from_db()
        registered(stage_run)
        suffix = "db3" if fields.get("record_storage") == "sqlite3" else "mcap"
        return RecordingUnit(stage_run, tmp_path, suffix=suffix)

    return make


def registered(stage_run: StageRun) -> int:
    message = Registration(protocol=PROTOCOL, stage_run=stage_run.pk, unit=0, host="here", pid=1)
    return registration.register(stage_run.execution_id, message).attempt


def snapshot(stage_run: StageRun, state: str, sequence: int = 1, **more: Any) -> Snapshot:
    published = more.pop("published", 0)
    agents = tuple(
        AgentReport(number=number, state=AgentState(state), published=published)
        for number in (1, 2)
    )
    fields = {"attempt": 1, "sent_ns": 1, "agents": agents, "unit": 0, **more}
    return Snapshot(stage_run=stage_run.pk, sequence=sequence, **fields)


def api_client(role: Role) -> APIClient:
    """Return a client of the API, signed in as a user of a role."""
    client = APIClient()
    email = f"{role}@example.org"
    client.force_authenticate(User.objects.get_or_create(email=email, role=role)[0])
    return client


@pytest.fixture
def operator(db: None) -> APIClient:
    return api_client(Role.OPERATOR)


@pytest.fixture
def admin(db: None) -> APIClient:
    return api_client(Role.ADMIN)


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
        "HUNG_AFTER_SECONDS": str(HUNG_AFTER_SECONDS),
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
    kill_all(unit_processes(settings.DATA_DIR))


def until(condition: Callable[[], Any], seconds: float = 180) -> Any:
    """Wait for a condition and return its value; the time only bounds a hanging test."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError("the condition was never met")


def heard_for(seconds: float) -> None:
    """Let units have been heard for this long, without a gap."""
    connection._client().set(silence.KEY, timezone.now().timestamp() - seconds)


def ended(execution: Execution) -> Execution:
    """Wait until an execution has ended, and return it."""

    def reached() -> bool:
        execution.refresh_from_db()
        return execution.ended

    until(reached)
    return execution


def in_status(execution: Execution, status: str) -> None:
    """Wait until an execution has this status."""

    def reached() -> bool:
        execution.refresh_from_db()
        assert execution.status == status or not execution.ended
        return execution.status == status

    until(reached)


def ended_execution(simulation: Simulation, status: str = "COMPLETED") -> Execution:
    """Start an execution and end it with a status."""
    execution = lifecycle.start(simulation)
    Execution.objects.filter(pk=execution.pk).update(status=status, ended_at=timezone.now())
    return execution


def names(answer: Any) -> list[str]:
    """Return the names of the rows of a list."""
    assert answer.status_code == 200, answer.content
    return [row["name"] for row in answer.json()["results"]]


@pytest.fixture(scope="module")
def shared_servers() -> Iterator[list[Server]]:
    """The server of all tests of a module that need no other."""
    servers: list[Server] = []
    yield servers
    end_servers(servers)


@pytest.fixture
def serve(
    shared_servers: list[Server], process_environment: dict[str, str], settings: Any
) -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start(*, own: bool = False, **environment: str) -> Server:
        servers = started if own or environment else shared_servers
        if servers is shared_servers and shared_servers:
            return shared_servers[0]
        own_settings = {"SECRET_KEY": settings.SECRET_KEY, "STREAM_HEARTBEAT_SECONDS": "0.4"}
        server = Server(process_environment | own_settings | environment)
        servers.append(server)
        server.wait()
        return server

    yield start
    for server in [*shared_servers, *started]:
        server.close_streams()
    end_servers(started)


def prepared(execution: Execution, **fields: Any) -> list[StageRun]:
    Execution.objects.filter(pk=execution.pk).update(status="PREPARING")
    execution.stage_runs.update(status="PREPARING", handle="there", **fields)
    execution.refresh_from_db()
    return list(execution.stage_runs.order_by("position"))
