"""Heartbeats under ASGI: answered on threads of their own, past Django; the rest goes to Django."""

import asyncio
from typing import Any

import pytest
from django.conf import settings

from robotsim_project.middleware import early_asgi
from robotsim_project.middleware.early_asgi import early_posts
from simulations.services.runs.tokens import token_for

PATH = f"{settings.API_STR}/units/report"
SNAPSHOT = b'{"stage_run":1,"unit":0,"attempt":1,"sequence":1,"sent_ns":1,"agents":[]}'


async def django(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def send_to(
    path: str, *bodies: bytes, token: str = "", method: str = "POST"
) -> tuple[int, dict[bytes, bytes], bytes]:
    """Status, headers and body of the answer to a request whose body comes in pieces."""
    headers = [(b"host", b"testserver")]
    if token:
        headers.append((b"authorization", f"Unit {token}".encode()))
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": headers,
        "query_string": b"",
    }
    inbox = [
        {"type": "http.request", "body": body, "more_body": index < len(bodies) - 1}
        for index, body in enumerate(bodies)
    ]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return inbox.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(early_posts(django)(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


def test_other_requests_go_to_django() -> None:
    assert send_to("/", b"")[0] == 299
    assert send_to(PATH, b"", method="GET")[0] == 299
    assert send_to(f"{settings.API_STR}/units/register", b"")[0] == 299


@pytest.mark.parametrize(
    ("status", "code", "options"),
    [(401, b"UNAUTHENTICATED", {}), (403, b"UNIT_REFUSED", {"token": "forged"})],
)
def test_refusals_are_those_of_the_view(status: int, code: bytes, options: dict[str, str]) -> None:
    found, headers, body = send_to(PATH, b"{}", **options)
    assert found == status
    assert code in body
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"content-length"] == str(len(body)).encode()
    assert headers[b"x-content-type-options"] == b"nosniff"


def test_a_body_in_pieces_is_joined_and_a_long_one_refused() -> None:
    token = token_for(1)
    assert b"MESSAGE_INVALID" in send_to(PATH, b"{", b"}", token=token)[2]
    assert send_to(PATH, *[b" " * 2**20] * 5, token=token)[0] == 413


def test_a_client_that_hangs_up_gets_no_answer() -> None:
    async def hung_up() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    assert asyncio.run(early_asgi.read_body(hung_up)) is None


def test_an_unknown_unit_is_refused(transactional_db: None) -> None:
    status, _headers, body = send_to(PATH, SNAPSHOT, token=token_for(1))
    assert (status, b"UNIT_REFUSED" in body) == (403, True)


def test_an_error_is_answered_as_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulations.services.runs.reports.report", lambda *_: 1 / 0)
    status, _headers, body = send_to(PATH, SNAPSHOT, token=token_for(1))
    assert (status, b"INTERNAL_ERROR" in body) == (500, True)
