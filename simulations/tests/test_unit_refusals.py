"""Units are refused in problem documents, whatever is wrong."""

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import Client

from simulations.services.runs.tokens import token_for

UNITS = f"{settings.API_STR}/units"
PATHS = ["register", "report", "recording", "recording/complete"]


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
