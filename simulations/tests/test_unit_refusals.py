"""Units are refused in problem documents, whatever is wrong."""

import json
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import Client

from simulations.services.runs.tokens import token_for

UNITS = f"{settings.API_STR}/units"
PATHS = ["register", "report", "recording", "recording/complete", "recording/close"]


def refused(path: str, method: str = "POST", body: bytes = b"{", **headers: str) -> tuple[int, str]:
    """The status and the code of the document, which has all members."""
    answer = Client().generic(method, f"{UNITS}/{path}", body, "application/json", headers=headers)
    assert answer["Content-Type"] == "application/problem+json"
    document = answer.json()
    assert set(document) == {"type", "title", "status", "detail", "code"}
    assert document["status"] == answer.status_code
    return answer.status_code, document["code"]


@pytest.mark.parametrize("path", PATHS)
def test_missing_unit_token(path: str) -> None:
    assert refused(path) == (401, "UNAUTHENTICATED")
    assert refused(path, authorization="Unit forged") == (403, "UNIT_REFUSED")
    assert refused(path, "GET") == (405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"\xff", b"{}", b'{"unit": "\\u0000"}'])
def test_invalid_message(path: str, body: bytes) -> None:
    token = f"Unit {token_for(1)}"
    assert refused(path, body=body, authorization=token) == (400, "MESSAGE_INVALID")


REPORT = {"stage_run": 1, "unit": 0, "attempt": 1, "sequence": 1, "sent_ns": 1, "agents": []}
OUTAGE = {"began_ns": 1}


@pytest.mark.parametrize(
    "more",
    [
        {"last_publication_ns": 2**63},
        {"sent_ns": 2**63},
        {"agents": [{"number": 1, "state": "RUNNING", "published": -1}]},
        {"agents": [{"number": 1, "state": "RUNNING", "passes": 2**31}]},
        {"outages": [{"began_ns": -1}]},
        {"outages": [{**OUTAGE, "ended_ns": 10**30}]},
        {"outages": [{**OUTAGE, "messages": 2**60}]},
        {"outages": [OUTAGE] * 51},
    ],
)
def test_numbers_that_cannot_be_stored(more: dict[str, Any]) -> None:
    token = f"Unit {token_for(1)}"
    body = json.dumps({**REPORT, **more}).encode()
    assert refused("report", body=body, authorization=token) == (400, "MESSAGE_INVALID")


OWN = {"stage_run": 1, "unit": 0, "attempt": 1}
CLOSED = {**OWN, "segments": 0, "message_count": 0, "dropped": 0}
FILE = {"path": "recording_1_0.mcap", "size": 1, "sha256": ""}
OFFER = {**OWN, "segment": 0, "file": FILE, "first_ns": 1, "last_ns": 1, "topics": {}}


@pytest.mark.parametrize("count", [-1, 2**63, 2**80])
def test_counts_of_recordings_that_cannot_be_stored(count: int) -> None:
    token = f"Unit {token_for(1)}"
    for path, message in (
        ("recording", {**OFFER, "topics": {"/odom": count}}),
        ("recording/close", {**CLOSED, "message_count": count}),
        ("recording/close", {**CLOSED, "dropped": count}),
    ):
        body = json.dumps(message).encode()
        assert refused(path, body=body, authorization=token) == (400, "MESSAGE_INVALID")


def test_message_too_large() -> None:
    token = f"Unit {token_for(1)}"
    long = b" " * (4 * 2**20 + 1)
    assert refused("report", body=long, authorization=token) == (413, "TOO_LARGE")


def test_database_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(token: str) -> int:
        raise OperationalError("the connection was refused")

    monkeypatch.setattr("simulations.services.runs.tokens.execution_of", away)
    answer = refused("register", authorization="Unit any")
    assert answer == (503, "DATABASE_UNAVAILABLE")
