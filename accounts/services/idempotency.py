"""One execution per Idempotency-Key, also for parallel requests.

The row is the lock: inserted before the request runs (unique by user, route and key), completed with the
response, deleted when the request fails. A row without response whose lease has expired belonged to a process
that died; the next request with the key takes it over by compare-and-set.
"""

import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.exceptions import (
    IdempotencyInProgressError,
    IdempotencyKeyInvalidError,
    IdempotencyKeyReusedError,
)
from accounts.models import IdempotencyKey, User
from common.db import leases
from common.db.leases import Lease, LeaseLostError

LEASE_SECONDS = 120.0
"""Longer than any request may run: the web server ends requests before."""
WAIT_SECONDS = 2.0
POLL_SECONDS = 0.05
MAX_KEY_LENGTH = 200


@dataclass(frozen=True)
class StoredResponse:
    """A stored response; `data` is JSON, `headers` are those that a replay repeats."""

    status: int
    data: Any
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class IdempotentRequest:
    """The identity of a request."""

    user: User
    key: str
    route: str
    body_hash: str


def claim(
    request: IdempotentRequest, *, wait_seconds: float = WAIT_SECONDS
) -> Lease | StoredResponse:
    """Claim a request for execution.

    Returns:
        A lease to execute the request, or the stored response of an earlier execution.

    Raises:
        IdempotencyKeyInvalidError: the key is empty, too long or not printable.
        IdempotencyKeyReusedError: the key was used with another body.
        IdempotencyInProgressError: the first request is still running after `wait_seconds`.
    """
    key = request.key
    if not (0 < len(key) <= MAX_KEY_LENGTH and key.isascii() and key.isprintable()):
        raise IdempotencyKeyInvalidError(max_length=MAX_KEY_LENGTH)
    deadline = time.monotonic() + wait_seconds
    while True:
        outcome = _insert(request) or _read(request)
        if outcome is not None:
            return outcome
        if time.monotonic() >= deadline:
            raise IdempotencyInProgressError
        time.sleep(POLL_SECONDS)


def complete(lease: Lease, response: StoredResponse) -> None:
    """Store the response, unless another process has taken the key over."""
    with suppress(LeaseLostError):
        lease.write(status_code=response.status, answer=response.data, headers=response.headers)


def release(lease: Lease) -> None:
    """Free the key: the request failed and may be sent again."""
    lease.rows.delete()


def prune(older_than: timedelta) -> int:
    """Delete older keys and return their number."""
    now = timezone.now()
    expired = IdempotencyKey.objects.filter(created_at__lt=now - older_than, lease_until__lt=now)
    return expired.delete()[0]


def _insert(request: IdempotentRequest) -> Lease | None:
    until = leases.end(LEASE_SECONDS)
    try:
        with transaction.atomic():
            row = IdempotencyKey.objects.create(
                user=request.user,
                key=request.key,
                route=request.route,
                body_hash=request.body_hash,
                lease_until=until,
            )
    except IntegrityError:
        return None
    return Lease(IdempotencyKey, row.pk, until)


def _read(request: IdempotentRequest) -> Lease | StoredResponse | None:
    """Return the outcome of the existing row; None: it is still running, or was just deleted."""
    row = IdempotencyKey.objects.filter(
        user=request.user, key=request.key, route=request.route
    ).first()
    if row is None:
        return None
    if row.body_hash != request.body_hash:
        raise IdempotencyKeyReusedError
    if row.status_code is not None:
        return StoredResponse(row.status_code, row.answer, row.headers)
    waiting = IdempotencyKey.objects.filter(status_code=None)
    return leases.claim(waiting, row.pk, seconds=LEASE_SECONDS)
