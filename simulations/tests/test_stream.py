"""The live stream, read from real servers: nothing missed, nothing twice, nothing held."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from simulations.choices import RunStatus
from simulations.models import Event, Execution, Simulation
from simulations.services.events import record_event
from simulations.services.runs import lifecycle
from simulations.tests.conftest import until
from simulations.tests.stream_client import Client, Heard, Server, bearer, path

pytestmark = pytest.mark.django_db(transaction=True)
ENDED = lambda heard: heard.kind == "end"  # noqa: E731


@pytest.fixture
def viewer(db: Any) -> User:
    return User.objects.create_user("viewer@example.org", role=Role.VIEWER)


@pytest.fixture
def execution(design: Callable[..., Simulation]) -> Execution:
    return lifecycle.start(design(2))


def end(servers: list[Server]) -> None:
    logs = [server.end() for server in servers]
    assert not [log for log in logs if "Traceback" in log], logs


@pytest.fixture(scope="module")
def shared() -> Iterator[list[Server]]:
    """The server of all tests that need no other."""
    servers: list[Server] = []
    yield servers
    end(servers)


@pytest.fixture
def serve(
    shared: list[Server], process_environment: dict[str, str], settings: Any
) -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start(*, own: bool = False, **environment: str) -> Server:
        where = started if own or environment else shared
        if where is shared and shared:
            return shared[0]
        words = {"SECRET_KEY": settings.SECRET_KEY, "STREAM_HEARTBEAT_SECONDS": "0.4"}
        server = Server(process_environment | words | environment)
        where.append(server)
        server.wait()
        return server

    yield start
    for server in [*shared, *started]:
        server.hang_up()
    end(started)


def happen(execution: Execution, times: int = 1) -> int:
    """Let something happen; the number of the last event."""
    for _ in range(times):
        record_event(execution.pk, "test.happened")
    return Event.objects.filter(execution=execution).count()


def finish(execution: Execution) -> None:
    """End an execution as the controller would."""
    for stage_run in execution.stage_runs.all():
        lifecycle.move_stage(stage_run, [RunStatus.PENDING], RunStatus.SKIPPED)
    lifecycle.move_execution(execution, [RunStatus.PENDING], RunStatus.STOPPED)


def listed(execution: Execution) -> list[dict[str, Any]]:
    client = APIClient()
    client.force_authenticate(User.objects.first())
    events = f"/api/v1/executions/{execution.pk}/events?page_size=500"
    return list(client.get(events).json()["results"])


@pytest.mark.parametrize("change", [{"is_active": False}, {"generation": 7}])
def test_stream_closes_when_access_is_revoked(
    serve: Callable[..., Server], execution: Execution, viewer: User, change: dict[str, Any]
) -> None:
    lost = serve().stream(execution.pk, **bearer(viewer))
    kept = serve().stream(execution.pk, **bearer(User.objects.create_user("o@example.org")))
    User.objects.filter(pk=viewer.pk).update(**change)
    assert "end" not in {heard.kind for heard in lost}  # yet the stream is closed
    assert kept.numbers_until(happen(execution))


def test_resumed_stream_has_every_event_once_and_ends(
    serve: Callable[..., Server], execution: Execution, viewer: User
) -> None:
    server = serve()
    happen(execution, 3)
    first = server.stream(execution.pk, **bearer(viewer))
    assert first.status == 200
    assert first.answer.headers["Content-Type"].startswith("text/event-stream")
    assert first.answer.headers["Cache-Control"] == "no-store"
    assert first.answer.headers["X-Accel-Buffering"] == "no"
    seen = first.numbers_until(4)
    seen += [n for _ in range(3) for n in first.numbers_until(happen(execution))]
    first.close()
    happen(execution, 5)
    second = server.stream(execution.pk, **bearer(viewer), **{"Last-Event-ID": str(seen[-1])})
    seen += second.numbers_until(happen(execution, 2))
    finish(execution)
    rest = second.until(ENDED)
    seen += [heard.number for heard in rest if heard.number is not None]
    assert seen == [each["sequence"] for each in listed(execution)]
    assert rest[-1].data == {"status": "STOPPED", "data_status": "PENDING"}
    assert [h.data["status"] for h in rest if h.kind == "progress"][-1] == "STOPPED"
    assert second.answer.read() == b""


def test_streamed_events_equal_listed_events(
    serve: Callable[..., Server], execution: Execution, viewer: User
) -> None:
    server = serve()
    lifecycle.stop(execution, stopped_by=viewer)
    stored = server.stream(execution.pk, **bearer(viewer))
    told = [heard.data for heard in stored.until(lambda heard: heard.number == 2)]
    record_event(execution.pk, "test.happened", actor=viewer, payload={"a": {"b": [1, "ä"]}})
    told += [heard.data for heard in stored.until(lambda heard: heard.number == 3)]
    assert [each for each in told if each and "sequence" in each] == listed(execution)


@pytest.mark.parametrize(("asked", "newest"), [("99", 4), ("1", 4)])
def test_unavailable_events_are_a_gap(
    serve: Callable[..., Server], execution: Execution, viewer: User, asked: str, newest: int
) -> None:
    happen(execution, 3)
    Event.objects.filter(sequence__in=[2, 3]).delete()
    server = serve()
    client = server.stream(execution.pk, f"?last_event_id={asked}", **bearer(viewer))
    gap = client.until(lambda heard: heard.kind == "gap")[-1]
    assert (gap.data, gap.number) == ({"asked": int(asked), "newest": newest}, newest)
    assert client.numbers_until(happen_after(execution)) == [5]


def happen_after(execution: Execution) -> int:
    happen(execution)
    return int(Event.objects.order_by("sequence").last().sequence)  # type: ignore[union-attr]


def test_stream_of_ended_execution_resumes(
    serve: Callable[..., Server], execution: Execution, viewer: User
) -> None:
    happen(execution, 2)
    finish(execution)
    server = serve()
    heard = list(server.stream(execution.pk, **bearer(viewer), **{"Last-Event-ID": "2"}))
    assert [h.number for h in heard if h.number] == [3, 4, 5]
    assert [h.kind for h in heard[-2:]] == ["progress", "end"]
    Event.objects.all().delete()
    again = list(server.stream(execution.pk, **bearer(viewer), **{"Last-Event-ID": "5"}))
    assert [h.kind for h in again] == ["progress", "end"]


def test_heartbeats_on_idle_stream(
    serve: Callable[..., Server], execution: Execution, viewer: User
) -> None:
    server = serve()
    client = server.stream(execution.pk, **bearer(viewer))
    beats = [client.until(lambda heard: heard.kind == "heartbeat")[-1] for _ in range(2)]
    assert beats == [Heard("heartbeat", None, None)] * 2


def test_missing_publications_are_filled_from_database(
    serve: Callable[..., Server], execution: Execution, viewer: User, monkeypatch: Any
) -> None:
    server = serve()
    client = server.stream(execution.pk, **bearer(viewer))
    seen = client.numbers_until(happen(execution, 2))
    cache.client.get_client(write=True).flushdb()
    seen += client.numbers_until(happen(execution, 2))
    with monkeypatch.context() as patch:  # publishers killed between commit and publication
        patch.setattr("simulations.services.events.publish", lambda event: None)
        seen += client.numbers_until(happen(execution, 2))
        happen(execution, 2)
    seen += client.numbers_until(happen(execution))  # the next one shows the hole
    assert seen == list(range(1, 11))
    # Published the wrong way round, and twice.
    with monkeypatch.context() as patch:
        late: list[Event] = []
        patch.setattr("simulations.services.events.publish", late.append)
        happen(execution, 3)
    from simulations.services.events import publish  # noqa: PLC0415  the real one again

    for event in (*reversed(late), *late):
        publish(event)
    assert client.numbers_until(13) == [11, 12, 13]
    assert client.numbers_until(happen(execution)) == [14]


def test_stream_without_redis_reads_database(
    serve: Callable[..., Server], execution: Execution, viewer: User, tmp_path: Any
) -> None:
    server = serve(REDIS_URL=f"unix://{tmp_path}/nobody.sock")
    client = server.stream(execution.pk, **bearer(viewer))
    assert client.numbers_until(1) == [1]
    assert client.numbers_until(happen(execution, 2)) == [2, 3]
    finish(execution)
    assert client.until(ENDED)[-1].data["status"] == "STOPPED"


def test_two_processes_stream_the_same_events(
    serve: Callable[..., Server], execution: Execution, viewer: User
) -> None:
    servers = [serve(), serve(own=True)]
    clients = [server.stream(execution.pk, **bearer(viewer)) for server in servers]

    def note() -> None:
        try:
            record_event(execution.pk, "test.parallel")
        finally:
            connection.close()

    threads = [threading.Thread(target=note) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [client.numbers_until(21) for client in clients] == [list(range(1, 22))] * 2


def test_watchers_hold_no_threads_or_connections(
    serve: Callable[..., Server], execution: Execution, viewer: User
) -> None:
    server = serve(DATABASE_POOL="4")
    clients = [server.stream(execution.pk, **bearer(viewer)) for _ in range(30)]
    for client in clients:
        assert client.numbers_until(1) == [1]

    def threads() -> int:
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        return int(status.split("Threads:")[1].split()[0])

    def connections() -> int:
        if connection.vendor != "postgresql":
            return 0
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND state <> 'idle'"
            )
            return int(cursor.fetchone()[0])

    def readers() -> int:
        redis = cache.client.get_client(write=True)
        ours = str(redis.connection_pool.connection_kwargs["db"])  # tests beside this one read too
        return sum(each["cmd"] == "xread" and each["db"] == ours for each in redis.client_list())

    # Fewer threads and pooled connections than watchers: none of them has one for itself.
    until(lambda: threads() < 20)
    until(lambda: connections() == 0)
    until(lambda: readers() == 1)
    for client in clients:
        client.close()
    until(lambda: readers() == 0)


def test_stalled_watcher_is_disconnected(
    serve: Callable[..., Server], execution: Execution, viewer: User
) -> None:
    server = serve(STREAM_STALL_SECONDS="0.5")
    slow = socket.create_connection(("127.0.0.1", server.port))
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    token = bearer(viewer)["Authorization"]
    slow.sendall(
        f"GET {path(execution)} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n\r\n".encode()
    )
    quick = server.stream(execution.pk, **bearer(viewer))
    assert quick.numbers_until(1) == [1]
    payload = {"much": "x" * 100_000}
    seen: list[int] = []
    reading = threading.Thread(target=lambda: seen.extend(quick.numbers_until(101)))
    reading.start()
    for _ in range(100):
        record_event(execution.pk, "test.large", payload=payload)
    reading.join()
    assert seen == list(range(2, 102))

    def cut_off() -> bool:
        try:
            slow.settimeout(0.2)
            slow.send(b"\r\n")
        except (ConnectionResetError, BrokenPipeError):
            return True
        except TimeoutError:
            return False
        return False

    until(cut_off)


def test_limit_of_watchers(
    serve: Callable[..., Server], execution: Execution, viewer: User
) -> None:
    server = serve(STREAM_WATCHERS="1")
    first = server.stream(execution.pk, **bearer(viewer))
    assert first.numbers_until(1) == [1]
    refused = server.stream(execution.pk, **bearer(viewer))
    assert (refused.status, refused.problem["code"]) == (503, "TOO_MANY_WATCHERS")
    assert refused.answer.headers["Retry-After"] == "5"
    first.close()
    until(lambda: server.stream(execution.pk, **bearer(viewer)).status == 200)


def ticket(execution: Execution, user: User) -> str:
    client = APIClient()
    client.force_authenticate(user)
    answer = client.post(f"/api/v1/executions/{execution.pk}/ticket")
    assert answer.status_code == 201, answer.content
    assert set(answer.json()) == {"ticket", "expires_at"}
    return str(answer.json()["ticket"])


def test_ticket_is_bound_to_stream_and_user(
    serve: Callable[..., Server],
    execution: Execution,
    viewer: User,
    design: Callable[..., Simulation],
    monkeypatch: Any,
) -> None:
    server = serve()
    other = lifecycle.start(design(1, name="other"))
    somebody = User.objects.create_user("somebody@example.org", role=Role.VIEWER)
    given = ticket(execution, viewer)
    assert server.stream(execution.pk, f"?ticket={given}").numbers_until(1) == [1]
    assert server.stream(execution.pk, f"?ticket={given}", **bearer(viewer)).status == 200

    def refused(client: Client) -> tuple[int, str]:
        assert client.answer.headers["Content-Type"] == "application/problem+json"
        return client.status, client.problem["code"]

    foreign = (403, "TICKET_FOREIGN")
    assert refused(server.stream(other.pk, f"?ticket={given}")) == foreign
    beside = server.stream(execution.pk, f"?ticket={given}", **bearer(somebody))
    assert refused(beside) == foreign
    invalid = (401, "TICKET_INVALID")
    assert refused(server.stream(execution.pk, f"?ticket={given}x")) == invalid
    assert refused(server.stream(execution.pk, "?ticket=%00")) == invalid
    with monkeypatch.context() as patch:
        then = time.time() - 61
        patch.setattr("django.core.signing.time.time", lambda: then)
        old = ticket(execution, viewer)
    assert refused(server.stream(execution.pk, f"?ticket={old}")) == invalid
    viewer.set_password("another-long-secret")
    viewer.save()
    assert refused(server.stream(execution.pk, f"?ticket={given}")) == invalid
    fresh = ticket(execution, viewer)
    User.objects.filter(pk=viewer.pk).update(is_active=False)
    assert refused(server.stream(execution.pk, f"?ticket={fresh}")) == invalid


def test_refused_streams_are_problem_documents(
    serve: Callable[..., Server], execution: Execution, viewer: User
) -> None:
    server = serve()

    def answered(client: Client) -> tuple[int, str]:
        return client.status, client.problem["code"]

    assert server.stream(execution.pk).status == 401
    assert answered(server.stream(999_999, **bearer(viewer))) == (404, "NOT_FOUND")
    wrong = server.stream(execution.pk, "?last_event_id=abc", **bearer(viewer))
    assert answered(wrong) == (400, "INVALID")
    head = Client(server.port, path(execution), method="HEAD", **bearer(viewer))
    assert (head.status, head.answer.read()) == (200, b"")


def test_stream_by_console_session(
    serve: Callable[..., Server], execution: Execution, viewer: User, client: Any
) -> None:
    client.force_login(viewer)
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    assert serve().stream(execution.pk, Cookie=cookie).numbers_until(1) == [1]


def test_wsgi_server_refuses_streams(execution: Execution, viewer: User) -> None:
    client = APIClient()
    client.force_authenticate(viewer)
    answer = client.get(path(execution), HTTP_ACCEPT="text/event-stream")
    assert (answer.status_code, answer.json()["code"]) == (501, "STREAM_NEEDS_ASGI")
