"""SIGTERM during requests, streams and tasks: they are finished, and the process exits with 0."""

import http.client
import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from rosbag2.writing.sample import make_sample
from tests.support.world import PATIENCE, Served, World, a_world, until

API = "/api/v1"
RUNNING = """
from simulations.models import Mec, Simulation
from simulations.services.designs import simulations as design
from simulations.services.runs import lifecycle
from storage.models import Rosbag, RosbagFile, RosbagTopic
from templates.services import templates
rosbag = Rosbag.objects.create(name="b", status="ready", storage_id="sqlite3", duration_ns=10**9)
RosbagFile.objects.create(rosbag=rosbag, path="metadata.yaml", size=1, sha256="0" * 64)
RosbagTopic.objects.create(rosbag=rosbag, name="/odom", type="T", message_count=10)
mec = Mec.objects.create(slug="lab", name="Lab")
stage = design.StageSpec(template=templates.create(name="t", rosbag=rosbag), agent_count=1)
simulation = design.create_simulation(name="s", pattern="sequential", mec=mec, stages=[stage])
execution = lifecycle.start(simulation)
print(execution.pk)
"""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with a_world() as world:
        world.start()
        yield world


@pytest.fixture(scope="module")
def token(world: World) -> str:
    return world.token()


@pytest.mark.parametrize("kind", ["web", "stream"])
def test_a_request_that_is_under_way_is_answered(world: World, token: str, kind: str) -> None:
    server: Served = getattr(world, kind)()
    server.until_answers("/health/ready", 200)
    body = json.dumps({"slug": f"slow-{kind}", "name": "Slow", "transport": "null"}).encode()
    head = (
        f"POST {API}/mecs HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        "Expect: 100-continue\r\n\r\n"
    )
    with socket.create_connection(server.place, PATIENCE) as slow:
        slow.sendall(head.encode())
        assert b" 100 " in slow.recv(100)  # now it waits for the body
        server.terminate()
        until(lambda: not server.answers("/health/live", 200), lambda: server.words)
        slow.sendall(body)
        answer = http.client.HTTPResponse(slow)
        answer.begin()
        assert answer.status == 201, answer.read()
    assert server.wait() == 0, server.words


def test_kept_connections_are_told_that_the_server_drains(world: World) -> None:
    server = world.web()
    server.until_answers("/health/ready", 200)
    with httpx.Client(base_url=server.url, timeout=PATIENCE) as client:
        client.get("/health/ready")
        server.terminate()
        status = until(lambda: drained(client), lambda: server.words)
    assert status == "draining"
    assert server.wait() == 0, server.words


def drained(client: httpx.Client) -> str:
    """Readiness status of a server once it answers 503."""
    answer = client.get("/health/ready")
    return str(answer.json()["status"]) if answer.status_code == 503 else ""


def opened(server: Served, token: str, execution: str, seen: str = "") -> http.client.HTTPResponse:
    line = http.client.HTTPConnection(*server.place, PATIENCE)
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    if seen:
        headers["Last-Event-ID"] = seen
    line.request("GET", f"{API}/executions/{execution}/stream", headers=headers)
    answer = line.getresponse()
    assert answer.status == 200, answer.read()
    return answer


def test_streams_end_in_good_order_and_go_on_elsewhere(world: World, token: str) -> None:
    execution = world.python(RUNNING)
    server = world.stream()
    server.until_answers("/health/ready", 200)
    stream = opened(server, token, execution)
    while not (line := stream.readline().decode()).startswith("id: "):
        assert line
    last = line.removeprefix("id: ").strip()
    server.terminate()
    rest = stream.read().decode()  # raises IncompleteRead for a body that breaks off
    assert "event: end" not in rest
    assert server.wait() == 0, server.words
    assert "exceeded" not in server.words

    other = world.stream()
    other.until_answers("/health/ready", 200)
    world.python(
        "from simulations.models import Execution\nfrom simulations.services.runs import lifecycle\n"
        f"lifecycle.stop(Execution.objects.get(pk={execution}))"
    )
    again = opened(other, token, execution, last)
    while not (line := again.readline().decode()).startswith("id: "):
        assert line
        assert "gap" not in line
    assert int(line.removeprefix("id: ")) > int(last)
    other.terminate()
    assert other.wait() == 0, other.words


def test_a_task_that_is_under_way_is_finished(world: World, tmp_path: Path) -> None:
    make_sample(tmp_path / "bag", seconds=1)
    sign = tmp_path / "alive"
    worker = world.manage("run_worker", "--interval", "0.1", ALIVE_FILE=str(sign))
    worker.until_logged("worker_started")
    rosbag = world.python(
        "from pathlib import Path\nfrom storage.services.intake import imports\n"
        f"bag = imports.import_folder(Path({str(tmp_path / 'bag')!r}), name='drive')\n"
        "print(bag.pk)"
    )
    find = f"from storage.models import Rosbag\nbag = Rosbag.objects.get(pk={rosbag})\n"
    status = find + "print(bag.status)"
    until(lambda: world.python(status) == "ready", lambda: worker.words)
    assert world.s3._process is not None
    os.kill(world.s3._process.pid, signal.SIGSTOP)  # the task hangs on what it needs
    try:
        again = "from storage.services.verification import verifier\nverifier.verify_again(bag)"
        world.python(find + again)
        until(lambda: world.python(find + "print(bag.lease_until)") != "None", lambda: worker.words)
        worker.terminate()
        assert worker.until_logged("worker_stops")[0]["finishes_task"] is True
        assert worker.alive
    finally:
        os.kill(world.s3._process.pid, signal.SIGCONT)
    assert worker.wait() == 0, worker.words
    assert world.python(status) == "ready", worker.words
    assert sign.exists()
