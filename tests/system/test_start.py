"""Processes start without PostgreSQL, Redis and S3: they say what they wait for, and go on later."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from robotsim_project.processes.worker import NEEDED
from tests.support.world import Process, Served, World, a_world, until

ALL = ["database", "migrations", "redis", "storage"]


@pytest.fixture
def world() -> Iterator[World]:
    with a_world() as world:
        yield world


def test_all_processes_wait_for_what_they_need(world: World, tmp_path: Path) -> None:
    sign = tmp_path / "alive"
    web, stream = world.web(), world.stream()
    controller = world.manage("run_controller", ALIVE_FILE=str(sign))
    worker, migrate = world.manage("run_worker"), world.manage("migrate", "-v0")
    for server in (web, stream):
        server.until_answers("/health/live", 200)
        assert starting(server, ALL)
    for process in (web, stream, controller, worker):
        first = process.until_logged("waiting")[0]
        assert first["waiting_for"] == (list(NEEDED) if process is worker else ALL)
        assert first["address"]["storage"] == world.s3.endpoint
        assert "@" not in str(first["address"])
    assert migrate.until_logged("waiting")[0]["waiting_for"] == ["database"]
    until(sign.exists)

    world.postgres.start()
    assert migrate.wait() == 0
    waits_for(web, ["redis", "storage"])
    assert starting(web, ["redis", "storage"])
    world.redis.start()
    waits_for(controller, ["storage"])
    world.start_s3()
    for process in (web, stream, controller, worker):
        process.until_logged("waiting_over")
    for server in (web, stream):
        server.until_answers("/health/ready", 200)
        assert server.get("/health/ready").json()["status"] == "ready"
        for part in ("db", "redis", "storage"):
            assert server.get(f"/health/{part}").json()["status"] == "healthy"

    for process in (web, stream, controller, worker):
        process.terminate()
        assert process.wait() == 0, process.words
        assert "Traceback" not in process.words


def starting(server: Served, away: list[str]) -> bool:
    """Check that a server reports that it is not ready, and why."""
    answer = server.get("/health/ready")
    body = answer.json()
    assert (answer.status_code, body["status"]) == (503, "starting"), body
    unreachable = [name for name, part in body["parts"].items() if part["status"] == "away"]
    assert all(body["parts"][name]["detail"] for name in unreachable)
    return unreachable == away


def waits_for(process: Process, away: list[str]) -> None:
    until(lambda: any(line["waiting_for"] == away for line in process.logged("waiting")))


def test_whoever_is_told_to_end_while_it_waits_ends(world: World) -> None:
    processes = [world.manage("run_controller"), world.manage("run_worker"), world.web()]
    for process in processes:
        process.until_logged("waiting")
        process.terminate()
    assert [process.wait() for process in processes] == [0, 0, 0]
