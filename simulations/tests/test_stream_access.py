"""Access to the live stream: by token, ticket and session."""

import time
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from accounts.services import revocations
from simulations.models import Execution
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Design, Serve
from simulations.tests.stream_client import Client, add_events, bearer, path

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def viewer(db: Any) -> User:
    return User.objects.create_user("viewer@example.org", role=Role.VIEWER)


@pytest.fixture
def execution(design: Design) -> Execution:
    return lifecycle.start(design(2))


@pytest.mark.parametrize("change", [{"is_active": False}, {"generation": 7}])
def test_stream_closes_when_access_is_revoked(
    serve: Serve, execution: Execution, viewer: User, change: dict[str, Any]
) -> None:
    lost = serve().stream(execution.pk, **bearer(viewer))
    kept = serve().stream(execution.pk, **bearer(User.objects.create_user("o@example.org")))
    User.objects.filter(pk=viewer.pk).update(**change)
    assert "end" not in {event.kind for event in lost}  # yet the stream is closed
    assert kept.numbers_until(add_events(execution))


def test_streams_of_a_sign_in_close_when_it_is_revoked(
    serve: Serve, execution: Execution, viewer: User
) -> None:
    server = serve()
    url = f"/api/v1/executions/{execution.pk}/ticket"
    query = f"?ticket={APIClient().post(url, headers=bearer(viewer, 'a')).json()['ticket']}"
    lost = server.stream(execution.pk, **bearer(viewer, "a"))
    by_ticket = server.stream(execution.pk, query)
    kept = server.stream(execution.pk, **bearer(viewer, "b"))
    revocations.revoke("a")
    for stream in (lost, by_ticket):
        assert "end" not in {event.kind for event in stream}  # yet the stream is closed
    assert kept.numbers_until(add_events(execution))
    assert server.stream(execution.pk, query).status == 401


def ticket(execution: Execution, user: User) -> str:
    client = APIClient()
    client.force_authenticate(user)
    answer = client.post(f"/api/v1/executions/{execution.pk}/ticket")
    assert answer.status_code == 201, answer.content
    assert set(answer.json()) == {"ticket", "expires_at"}
    return str(answer.json()["ticket"])


def test_ticket_is_bound_to_stream_and_user(
    serve: Serve,
    execution: Execution,
    viewer: User,
    design: Design,
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
    serve: Serve, execution: Execution, viewer: User
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
    serve: Serve, execution: Execution, viewer: User, client: Any
) -> None:
    client.force_login(viewer)
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    assert serve().stream(execution.pk, Cookie=cookie).numbers_until(1) == [1]


def test_wsgi_server_refuses_streams(execution: Execution, viewer: User) -> None:
    client = APIClient()
    client.force_authenticate(viewer)
    answer = client.get(path(execution), HTTP_ACCEPT="text/event-stream")
    assert (answer.status_code, answer.json()["code"]) == (501, "STREAM_NEEDS_ASGI")
