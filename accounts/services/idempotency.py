"""One effect per Idempotency-Key, also over a crash and for parallel requests.

The key's row, the effect and its response are written in one transaction: there is all of it or nothing, and
a server that dies leaves nothing. A second request with the key waits for the row of the first, then gets its
response.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import OperationalError, connection, transaction
from django.utils import timezone

from accounts.exceptions import (
    IdempotencyInProgressError,
    IdempotencyKeyInvalidError,
    IdempotencyKeyReusedError,
)
from accounts.models import IdempotencyKey, User
from common.db import leases
from common.db.violations import refusing_duplicates

WAIT = "'2s'"
"""For the first request with a key, on PostgreSQL; SQLite waits for each transaction that writes."""
LOCK_NOT_AVAILABLE = "55P03"
MAX_KEY_LENGTH = 200


@dataclass(frozen=True)
class StoredResponse:
    """A stored response; `data` is JSON, `headers` are those that a replay repeats."""

    status: int
    data: Any
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class IdempotentRequest:
    """The identity of a request; `owner` finds the account whose key it is, which the request may create."""

    owner: Callable[[], User | None]
    key: str
    route: str
    body_hash: str

    def __post_init__(self) -> None:
        if not (
            0 < len(self.key) <= MAX_KEY_LENGTH and self.key.isascii() and self.key.isprintable()
        ):
            raise IdempotencyKeyInvalidError(max_length=MAX_KEY_LENGTH)


class _KeyTakenError(Exception):
    """The key has a row."""


def find(request: IdempotentRequest) -> StoredResponse | None:
    """Find the response of an earlier request with this key.

    Raises:
        IdempotencyKeyReusedError: the key was used with another body.
        IdempotencyInProgressError: a server of the version before is executing the request.
    """
    row = IdempotencyKey.objects.filter(
        user=request.owner(), key=request.key, route=request.route
    ).first()
    if row is None:
        return None
    if row.body_hash != request.body_hash:
        raise IdempotencyKeyReusedError
    if row.status_code is not None:
        return StoredResponse(row.status_code, row.answer, row.headers)
    _take_over(row)
    return None


def run(
    request: IdempotentRequest, execute: Callable[[], StoredResponse]
) -> tuple[StoredResponse, bool]:
    """Execute a request and store its response, both in one transaction.

    A request that raises, or is answered with 500 or more, has no effect and leaves the key free.

    Returns:
        The response, and whether it is that of an earlier request.

    Raises:
        IdempotencyKeyReusedError: the key was used with another body.
        IdempotencyInProgressError: the first request with the key is still running.
    """
    while True:
        try:
            return _execute(request, execute), False
        except _KeyTakenError:
            stored = find(request)
            if stored is not None:
                return stored, True


def prune(older_than: timedelta) -> int:
    """Delete older keys and return their number."""
    return IdempotencyKey.objects.filter(created_at__lt=timezone.now() - older_than).delete()[0]


@transaction.atomic
def _execute(request: IdempotentRequest, execute: Callable[[], StoredResponse]) -> StoredResponse:
    user = request.owner()
    row = None if user is None else _insert(request, user)
    response = execute()
    if response.status >= 500:  # noqa: PLR2004
        transaction.set_rollback(True)
        return response
    if row is None:
        created = request.owner()
        if created is None:
            return response
        row = _insert(request, created)
    row.status_code, row.answer, row.headers = response.status, response.data, response.headers
    row.save(update_fields=["status_code", "answer", "headers"])
    return response


def _insert(request: IdempotentRequest, user: User) -> IdempotencyKey:
    try:
        with refusing_duplicates(IdempotencyKey, "accounts_idempotencykey_once", _KeyTakenError):
            _limit_wait(WAIT)
            row = IdempotencyKey.objects.create(
                user=user,
                key=request.key,
                route=request.route,
                body_hash=request.body_hash,
                lease_until=timezone.now(),
            )
            _limit_wait("DEFAULT")
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) == LOCK_NOT_AVAILABLE:
            raise IdempotencyInProgressError from error
        raise
    return row


def _limit_wait(limit: str) -> None:
    """Limit the wait for locks in this transaction; SQLite has one lock, with a limit of its own."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout TO {limit}")


def _take_over(row: IdempotencyKey) -> None:
    """Delete the row of a server of the version before that has died; its lease has ended.

    Raises:
        IdempotencyInProgressError: it may be alive.
    """
    if not IdempotencyKey.objects.filter(leases.is_free(), pk=row.pk, status_code=None).delete()[0]:
        raise IdempotencyInProgressError
