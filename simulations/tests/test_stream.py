"""The live stream, read from real servers: no event is missed or repeated, no resource is held."""

import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from simulations.choices import RunStatus
from simulations.models import Event, Execution
from simulations.services.events import record_event
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Design, Serve, until
from simulations.tests.stream_client import StreamEvent, add_events, bearer, path

pytestmark = pytest.mark.django_db(transaction=True)
ENDED = lambda event: event.kind == "end"  # noqa: E731


@pytest.fixture
def viewer(db: Any) -> User:
    return User.objects.create_user("viewer@example.org", role=Role.VIEWER)


@pytest.fixture
def execution(design: Design) -> Execution:
    return lifecycle.start(design(2))


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


def test_resumed_stream_has_every_event_once_and_ends(
    serve: Serve, execution: Execution, viewer: User
) -> None:
    server = serve()
    add_events(execution, 3)
    first = server.stream(execution.pk, **bearer(viewer))
    assert first.status == 200
    assert first.answer.headers["Content-Type"].startswith("text/event-stream")
    assert first.answer.headers["Cache-Control"] == "no-store"
    assert first.answer.headers["X-Accel-Buffering"] == "no"
    numbers = first.numbers_until(4)
    numbers += [n for _ in range(3) for n in first.numbers_until(add_events(execution))]
    first.close()
    add_events(execution, 5)
    second = server.stream(execution.pk, **bearer(viewer), **{"Last-Event-ID": str(numbers[-1])})
    numbers += second.numbers_until(add_events(execution, 2))
    finish(execution)
    rest = second.until(ENDED)
    numbers += [event.number for event in rest if event.number is not None]
    assert numbers == [row["sequence"] for row in listed(execution)]
    assert rest[-1].data == {"status": "STOPPED", "data_status": "PENDING"}
    assert [h.data["status"] for h in rest if h.kind == "progress"][-1] == "STOPPED"
    assert second.answer.read() == b""


def test_streamed_events_equal_listed_events(
    serve: Serve, execution: Execution, viewer: User
) -> None:
    server = serve()
    lifecycle.stop(execution, stopped_by=viewer)
    stored = server.stream(execution.pk, **bearer(viewer))
    streamed = [event.data for event in stored.until(lambda event: event.number == 2)]
    record_event(execution.pk, "test.happened", actor=viewer, payload={"a": {"b": [1, "ä"]}})
    streamed += [event.data for event in stored.until(lambda event: event.number == 3)]
    assert [row for row in streamed if row and "sequence" in row] == listed(execution)


@pytest.mark.parametrize(("last_event", "newest"), [("99", 4), ("1", 4)])
def test_unavailable_events_are_a_gap(
    serve: Serve, execution: Execution, viewer: User, last_event: str, newest: int
) -> None:
    add_events(execution, 3)
    Event.objects.filter(sequence__in=[2, 3]).delete()
    server = serve()
    client = server.stream(execution.pk, f"?last_event_id={last_event}", **bearer(viewer))
    gap = client.until(lambda event: event.kind == "gap")[-1]
    assert (gap.data, gap.number) == ({"asked": int(last_event), "newest": newest}, newest)
    assert client.numbers_until(add_event_after(execution)) == [5]


def add_event_after(execution: Execution) -> int:
    add_events(execution)
    return int(Event.objects.order_by("sequence").last().sequence)  # type: ignore[union-attr]


def test_stream_of_ended_execution_resumes(
    serve: Serve, execution: Execution, viewer: User
) -> None:
    add_events(execution, 2)
    finish(execution)
    server = serve()
    events = list(server.stream(execution.pk, **bearer(viewer), **{"Last-Event-ID": "2"}))
    assert [h.number for h in events if h.number] == [3, 4, 5]
    assert [h.kind for h in events[-2:]] == ["progress", "end"]
    Event.objects.all().delete()
    again = list(server.stream(execution.pk, **bearer(viewer), **{"Last-Event-ID": "5"}))
    assert [h.kind for h in again] == ["progress", "end"]


def test_heartbeats_on_idle_stream(serve: Serve, execution: Execution, viewer: User) -> None:
    server = serve()
    client = server.stream(execution.pk, **bearer(viewer))
    heartbeats = [client.until(lambda event: event.kind == "heartbeat")[-1] for _ in range(2)]
    assert heartbeats == [StreamEvent("heartbeat", None, None)] * 2


def test_missing_publications_are_filled_from_database(
    serve: Serve, execution: Execution, viewer: User, monkeypatch: Any
) -> None:
    server = serve()
    client = server.stream(execution.pk, **bearer(viewer))
    numbers = client.numbers_until(add_events(execution, 2))
    cache.client.get_client(write=True).flushdb()
    numbers += client.numbers_until(add_events(execution, 2))
    with monkeypatch.context() as patch:  # publishers killed between commit and publication
        patch.setattr("simulations.services.events.publish", lambda event: None)
        numbers += client.numbers_until(add_events(execution, 2))
        add_events(execution, 2)
    numbers += client.numbers_until(add_events(execution))  # the next one shows the hole
    assert numbers == list(range(1, 11))
    # Published the wrong way round, and twice.
    with monkeypatch.context() as patch:
        late: list[Event] = []
        patch.setattr("simulations.services.events.publish", late.append)
        add_events(execution, 3)
    from simulations.services.events import publish  # noqa: PLC0415  the real one again

    for event in (*reversed(late), *late):
        publish(event)
    assert client.numbers_until(13) == [11, 12, 13]
    assert client.numbers_until(add_events(execution)) == [14]


def test_stream_without_redis_reads_database(
    serve: Serve, execution: Execution, viewer: User, tmp_path: Any
) -> None:
    server = serve(REDIS_URL=f"unix://{tmp_path}/nobody.sock")
    client = server.stream(execution.pk, **bearer(viewer))
    assert client.numbers_until(1) == [1]
    assert client.numbers_until(add_events(execution, 2)) == [2, 3]
    finish(execution)
    assert client.until(ENDED)[-1].data["status"] == "STOPPED"


def test_two_processes_stream_the_same_events(
    serve: Serve, execution: Execution, viewer: User
) -> None:
    servers = [serve(), serve(own=True)]
    clients = [server.stream(execution.pk, **bearer(viewer)) for server in servers]

    def record() -> None:
        try:
            record_event(execution.pk, "test.parallel")
        finally:
            connection.close()

    threads = [threading.Thread(target=record) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [client.numbers_until(21) for client in clients] == [list(range(1, 22))] * 2


def test_watchers_hold_no_threads_or_connections(
    serve: Serve, execution: Execution, viewer: User
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
        return sum(row["cmd"] == "xread" and row["db"] == ours for row in redis.client_list())

    # Fewer threads and pooled connections than watchers: none of them has one for itself.
    until(lambda: threads() < 20)
    until(lambda: connections() == 0)
    until(lambda: readers() == 1)
    for client in clients:
        client.close()
    until(lambda: readers() == 0)


def test_stalled_watcher_is_disconnected(serve: Serve, execution: Execution, viewer: User) -> None:
    server = serve(STREAM_STALL_SECONDS="5")  # for longer the quick one never pauses
    slow = socket.create_connection(("127.0.0.1", server.port))
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    token = bearer(viewer)["Authorization"]
    slow.sendall(
        f"GET {path(execution)} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {token}\r\n\r\n".encode()
    )
    quick = server.stream(execution.pk, **bearer(viewer))
    assert quick.numbers_until(1) == [1]
    payload = {"much": "x" * 100_000}
    numbers: list[int] = []
    reading = threading.Thread(target=lambda: numbers.extend(quick.numbers_until(101)))
    reading.start()
    for _ in range(100):
        record_event(execution.pk, "test.large", payload=payload)
    reading.join()
    assert numbers == list(range(2, 102))

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


def test_limit_of_watchers(serve: Serve, execution: Execution, viewer: User) -> None:
    server = serve(STREAM_WATCHERS="1")
    first = server.stream(execution.pk, **bearer(viewer))
    assert first.numbers_until(1) == [1]
    refused = server.stream(execution.pk, **bearer(viewer))
    assert (refused.status, refused.problem["code"]) == (503, "TOO_MANY_WATCHERS")
    assert refused.answer.headers["Retry-After"] == "5"
    first.close()
    until(lambda: server.stream(execution.pk, **bearer(viewer)).status == 200)
