"""One effect per Idempotency-Key, however often and however parallel the same request comes.

The row is the lock: inserted before the request runs (unique by user, route and key), completed with the
answer, deleted when the request fails. A row without answer whose lease has ended belonged to a process
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
"""Longer than any request may run: the web server ends a request before."""
WAIT_SECONDS = 2.0
POLL_SECONDS = 0.05
LONGEST_KEY = 200


@dataclass(frozen=True)
class Answer:
    """A stored answer; `data` is JSON, `headers` are those worth repeating."""

    status: int
    data: Any
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A request as far as idempotency sees it."""

    user: User
    key: str
    route: str
    body_hash: str


def claim(asked: Asked, *, wait_seconds: float = WAIT_SECONDS) -> Lease | Answer:
    """Get the right to execute a request, or the answer that it had before.

    Raises:
        IdempotencyKeyInvalidError: the key is empty, too long or does not print.
        IdempotencyKeyReusedError: the key came with another body.
        IdempotencyInProgressError: the first request still runs after `wait_seconds`.
    """
    if not (0 < len(asked.key) <= LONGEST_KEY and asked.key.isascii() and asked.key.isprintable()):
        raise IdempotencyKeyInvalidError(longest=LONGEST_KEY)
    deadline = time.monotonic() + wait_seconds
    while True:
        outcome = _insert(asked) or _look(asked)
        if outcome is not None:
            return outcome
        if time.monotonic() >= deadline:
            raise IdempotencyInProgressError
        time.sleep(POLL_SECONDS)


def complete(held: Lease, answer: Answer) -> None:
    """Store the answer, unless another process has taken the claim over."""
    with suppress(LeaseLostError):
        held.write(status_code=answer.status, answer=answer.data, headers=answer.headers)


def release(held: Lease) -> None:
    """Free the key: the request failed and may be sent again."""
    held.rows.delete()


def prune(older_than: timedelta) -> int:
    """Forget keys made longer ago than that; the count of those forgotten."""
    now = timezone.now()
    expired = IdempotencyKey.objects.filter(created_at__lt=now - older_than, lease_until__lt=now)
    return expired.delete()[0]


def _insert(asked: Asked) -> Lease | None:
    until = leases.end(LEASE_SECONDS)
    try:
        with transaction.atomic():
            row = IdempotencyKey.objects.create(
                user=asked.user,
                key=asked.key,
                route=asked.route,
                body_hash=asked.body_hash,
                lease_until=until,
            )
    except IntegrityError:
        return None
    return Lease(IdempotencyKey, row.pk, until)


def _look(asked: Asked) -> Lease | Answer | None:
    """Judge the row that is there; None: it still runs, or has just been freed."""
    row = IdempotencyKey.objects.filter(user=asked.user, key=asked.key, route=asked.route).first()
    if row is None:
        return None
    if row.body_hash != asked.body_hash:
        raise IdempotencyKeyReusedError
    if row.status_code is not None:
        return Answer(row.status_code, row.answer, row.headers)
    waiting = IdempotencyKey.objects.filter(status_code=None)
    return leases.claim(waiting, row.pk, seconds=LEASE_SECONDS)
