"""Heartbeats take the short way, everything else Django's."""

import asyncio
from typing import Any

import pytest
from django.conf import settings

from robotsim_project.middleware.early_asgi import heartbeats
from simulations.services.runs.units import token_for

PATH = f"{settings.API_STR}/units/report"


async def django(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def ask(path: str, *bodies: bytes, token: str = "", method: str = "POST") -> tuple[int, bytes]:
    headers = [(b"authorization", f"Unit {token}".encode())] if token else []
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

    asyncio.run(heartbeats(django)(scope, receive, send))
    return sent[0]["status"], sent[1]["body"]


def test_other_addresses_go_djangos_way() -> None:
    assert ask("/", b"")[0] == 299
    assert ask(f"{settings.API_STR}/units/register", b"")[0] == 299


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (401, b"UNAUTHENTICATED", {}),
        (403, b"UNIT_REFUSED", {"token": "forged"}),
        (405, b"METHOD_NOT_ALLOWED", {"method": "GET"}),
    ],
)
def test_refusals_are_those_of_the_view(status: int, code: bytes, words: dict[str, str]) -> None:
    found, body = ask(PATH, b"{}", **words)
    assert found == status
    assert code in body
    assert b'"title"' in body


def test_a_body_in_pieces_and_one_that_is_too_long() -> None:
    token = token_for(1)
    assert b"MESSAGE_INVALID" in ask(PATH, b"{", b"}", token=token)[1]
    assert ask(PATH, *[b" " * 2**20] * 5, token=token)[0] == 413


def test_a_unit_that_nobody_knows(transactional_db: None) -> None:
    body = b'{"stage_run":1,"unit":0,"attempt":1,"sequence":1,"sent_ns":1,"agents":[]}'
    status, answer = ask(PATH, body, token=token_for(1))
    assert (status, b"UNIT_REFUSED" in answer) == (403, True)
