"""Under ASGI a body that is too large is refused while it comes, and parts of uploads pass."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from robotsim_project.middleware.body_limit import FORM_OVERHEAD_BYTES, body_limit


def called(path: str, bodies: list[bytes], headers: list[tuple[bytes, bytes]]) -> tuple[int, int]:
    """The status of the answer, and how many bytes the application behind was given."""
    sent: list[dict[str, Any]] = []
    given = 0
    parts: Iterator[bytes] = iter(bodies)

    async def receive() -> dict[str, Any]:
        body = next(parts, None)
        if body is None:
            return {"type": "http.request", "body": b"", "more_body": False}
        return {"type": "http.request", "body": body, "more_body": True}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    async def inner(_scope: Any, take: Any, answer: Any) -> None:
        nonlocal given
        while True:
            message = await take()
            given += len(message["body"])
            if not message["more_body"]:
                break
        await answer({"type": "http.response.start", "status": 200, "headers": []})

    scope = {"type": "http", "path": path, "headers": headers}
    asyncio.run(body_limit(inner)(scope, receive, send))
    return sent[0]["status"], given


@pytest.fixture(autouse=True)
def small(settings: Any) -> None:
    settings.UPLOAD_FORM_BYTES = 1000


@pytest.mark.parametrize(
    ("sizes", "status"), [([FORM_OVERHEAD_BYTES, 1000], 200), ([FORM_OVERHEAD_BYTES, 1000, 1], 413)]
)
def test_a_body_without_declared_length_is_counted(sizes: list[int], status: int) -> None:
    found, given = called("/api/v1/rosbags", [b"x" * size for size in sizes], [])
    assert found == status
    assert given <= FORM_OVERHEAD_BYTES + 1000


def test_a_declared_length_is_refused_before_anything_is_read() -> None:
    length = str(FORM_OVERHEAD_BYTES + 1001).encode()
    assert called("/api/v1/me", [b"x"], [(b"content-length", length)]) == (413, 0)


def test_parts_of_uploads_are_as_large_as_planned() -> None:
    big = b"x" * (FORM_OVERHEAD_BYTES + 5000)
    assert called("/storage/objects/token", [big], []) == (200, len(big))
