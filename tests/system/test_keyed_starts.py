"""A web server killed amid starts with an Idempotency-Key: each key sent again has one execution."""

from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import suppress

import httpx
import pytest

from tests.support.world import PATIENCE, Served, World, a_world

KEYS = [f"key-{number}" for number in range(12)]
SIMULATION = """
from simulations.models import Mec
from simulations.services.designs import simulations as design
from storage.models import Rosbag, RosbagTopic
from templates.services import templates
rosbag = Rosbag.objects.create(name="b", status="ready", storage_id="sqlite3", duration_ns=10**9)
RosbagTopic.objects.create(rosbag=rosbag, name="/odom", type="T", message_count=10)
mec = Mec.objects.create(slug="lab", name="Lab")
stage = design.StageSpec(template=templates.create(name="t", rosbag=rosbag), agent_count=1)
simulation = design.create_simulation(
    name="s", pattern="sequential", mec=mec, stages=[stage], concurrent_executions=True
)
print(simulation.pk)
"""
REQUESTED = """
from simulations.models import Event
print(*sorted(Event.objects.filter(kind="execution.requested").values_list("execution", flat=True)))
"""


@pytest.fixture(params=["postgresql", "sqlite"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with a_world() as world:
        world.environment.pop("MINIO_ENDPOINT")
        world.environment["STORAGE_DIR"] = str(world.folder / "storage")
        world.redis.start()
        if request.param == "postgresql":
            world.postgres.start()
        else:
            world.environment["DATABASE_URL"] = f"sqlite:///{world.folder / 'robotsim.sqlite3'}"
        assert world.manage("migrate", "-v0").wait() == 0
        yield world


def started(world: World) -> Served:
    server = world.web()
    server.until_answers("/health/ready", 200)
    return server


def test_each_key_has_one_execution(world: World) -> None:
    bearer = {"Authorization": f"Bearer {world.token()}"}
    path = f"/api/v1/simulations/{world.python(SIMULATION)}/start"

    def start(server: Served, key: str) -> httpx.Response:
        headers = {**bearer, "Idempotency-Key": key}
        return httpx.post(f"{server.url}{path}", json={}, headers=headers, timeout=PATIENCE)

    server = started(world)
    with ThreadPoolExecutor(len(KEYS)) as pool:
        requests = {key: pool.submit(start, server, key) for key in KEYS}
        wait(requests.values(), PATIENCE, FIRST_COMPLETED)
        server.kill()
    answers = {}
    for key, request in requests.items():
        with suppress(httpx.TransportError):
            answers[key] = request.result().json()
    server = started(world)
    again = {key: start(server, key) for key in KEYS}
    assert {key: answer.status_code for key, answer in again.items()} == dict.fromkeys(KEYS, 202)
    assert world.python(REQUESTED).split() == sorted(
        (str(answer.json()["id"]) for answer in again.values()), key=int
    )
    assert {key: again[key].json()["id"] for key in answers} == {
        key: answer["id"] for key, answer in answers.items()
    }
