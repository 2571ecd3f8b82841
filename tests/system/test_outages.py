"""PostgreSQL, Redis or S3 away later: who needs it is told to come back, the rest works and goes on."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from rosbag2.writing.sample import make_sample
from tests.support.world import PATIENCE, Process, Served, World, a_world, until

API = "/api/v1"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with a_world() as world:
        world.start()
        yield world


@pytest.fixture(scope="module")
def token(world: World) -> str:
    return world.token()


@pytest.fixture(scope="module")
def started(world: World) -> list[Served]:
    """Both kinds of servers."""
    return [world.web(), world.stream()]


@pytest.fixture
def servers(started: list[Served]) -> list[Served]:
    for server in started:
        until_ready(server)
    return started


def called(server: Served, token: str, method: str, path: str, **more: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.request(
        method,
        f"{server.url}{path}",
        headers=headers,
        timeout=PATIENCE,
        follow_redirects=True,
        **more,
    )


def until_ready(server: Served) -> None:
    server.until_answers("/health/ready", 200)
    until(lambda: server.get("/health/ready").json()["status"] == "ready", lambda: server.words)


def degraded(server: Served, away: list[str]) -> bool:
    answer = server.get("/health/ready")
    assert answer.status_code == 200
    body = answer.json()
    parts = [name for name, part in body["parts"].items() if part["status"] != "ok"]
    return bool(body["status"] == "degraded" and parts == away)


def refused(answer: httpx.Response, code: str) -> None:
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json()["code"] == code


def test_without_redis_all_works_but_coming_in(
    world: World, token: str, servers: list[Served]
) -> None:
    world.redis.stop()
    try:
        for server in servers:
            check_without_redis(server, token)
    finally:
        world.redis.start()
    for server in servers:
        until_ready(server)


def check_without_redis(server: Served, token: str) -> None:
    until(lambda: degraded(server, ["redis"]))
    for path in ("/simulations", "/rosbags", "/executions?search=x", "/overview", "/me"):
        assert called(server, token, "GET", API + path).status_code == 200, path
    assert called(server, token, "GET", "/admin/login/").status_code == 200
    mec = {"slug": f"m-{server.popen.pid}", "name": "M", "transport": "null"}
    assert called(server, token, "POST", f"{API}/mecs", json=mec).status_code == 201
    person = {"email": "admin@example.com", "password": "long-enough-7"}
    for path, body in (("signin", person), ("refresh", {"refresh": "rsr_x"})):
        answer = httpx.post(f"{server.url}{API}/auth/{path}", json=body, timeout=PATIENCE)
        refused(answer, "SIGN_IN_STORE_UNAVAILABLE")


def test_without_s3_only_files_are_away(
    world: World, token: str, servers: list[Served], tmp_path: Path
) -> None:
    make_sample(tmp_path / "bag", seconds=1)
    files = [("files", (path.name, path.read_bytes())) for path in (tmp_path / "bag").iterdir()]
    world.s3.stop()
    try:
        for server in servers:
            until(partial(degraded, server, ["storage"]))
            answer = called(
                server, token, "POST", f"{API}/rosbags", data={"name": "b"}, files=files
            )
            refused(answer, "STORAGE_UNAVAILABLE")
            assert called(server, token, "GET", f"{API}/rosbags").status_code == 200
            assert called(server, token, "GET", "/admin/login/").status_code == 200
    finally:
        world.start_s3()
    for server in servers:
        answer = called(server, token, "POST", f"{API}/rosbags", data={"name": "b"}, files=files)
        assert answer.status_code in {200, 201, 202}, answer.text


def test_without_postgresql_who_calls_is_told_to_come_back(
    world: World, token: str, servers: list[Served]
) -> None:
    sessions = [signed_in(server) for server in servers]
    for session in sessions:
        assert session.get("/admin/").status_code == 200
    world.postgres.stop()
    try:
        for server, session in zip(servers, sessions, strict=True):
            check_without_postgresql(server, session, token)
    finally:
        world.postgres.start()
    for server, session in zip(servers, sessions, strict=True):
        until(partial(lists_simulations, server, token))
        until_ready(server)
        assert session.get("/admin/").status_code == 200


def lists_simulations(server: Served, token: str) -> bool:
    return called(server, token, "GET", f"{API}/simulations").status_code == 200


def check_without_postgresql(server: Served, session: httpx.Client, token: str) -> None:
    until(lambda: degraded(server, ["database", "migrations"]))
    for path in ("/simulations", "/executions/1", "/simulations?search=x", "/me"):
        refused(called(server, token, "GET", API + path), "DATABASE_UNAVAILABLE")
    report = {"Authorization": "Unit x"}
    reported = httpx.post(f"{server.url}{API}/units/report", headers=report, timeout=PATIENCE)
    assert reported.status_code == 403
    for path in ("/admin/", "/admin/simulations/simulation/"):
        page = session.get(path, headers={"Accept-Language": "ko"})
        assert page.status_code == 503
        assert int(page.headers["Retry-After"]) > 0
        assert page.headers["Content-Type"].startswith("text/html")
        assert "Traceback" not in page.text
    for path in ("/health/live", "/docs", "/admin/login/", "/"):
        assert server.get(path).status_code == 200, path
    tried = sign_in(server, httpx.Client(base_url=server.url, timeout=PATIENCE))
    assert tried.status_code == 503
    assert "Traceback" not in server.words


def signed_in(server: Served) -> httpx.Client:
    """A browser that has come into the console."""
    client = httpx.Client(base_url=server.url, timeout=PATIENCE)
    assert sign_in(server, client).status_code == 302
    return client


def sign_in(server: Served, client: httpx.Client) -> httpx.Response:
    page = client.get("/admin/login/")
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert found is not None
    form = {"username": "admin@example.com", "password": "long-enough-7"}
    form["csrfmiddlewaretoken"] = found[1]
    return client.post("/admin/login/", data=form, headers={"Referer": f"{server.url}/admin/"})


def test_controller_and_worker_go_on_when_the_database_is_back(world: World) -> None:
    processes: list[Process] = [
        world.manage("run_controller"),
        world.manage("run_worker", "--interval", "0.1"),
    ]
    for process, event in zip(processes, ("controller_started", "worker_started"), strict=True):
        process.until_logged(event)
    world.postgres.stop()
    try:
        for process in processes:
            process.until_logged("waiting")
    finally:
        world.postgres.start()
    for process in processes:
        process.until_logged("waiting_over")
    mailed = (
        "from accounts.tasks import send_reset\nprint(send_reset.enqueue('nobody@example.com').id)"
    )
    task = world.python(mailed)
    find = f"from django_tasks_db.models import DBTaskResult as D\nprint(D.objects.get(pk='{task}').status)"
    until(lambda: world.python(find) == "SUCCESSFUL", lambda: processes[1].words)
    for process in processes:
        assert process.alive, process.words
        process.terminate()
        assert process.wait() == 0
