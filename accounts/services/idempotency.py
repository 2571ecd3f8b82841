"""One effect per Idempotency-Key, however often and however parallel the same request comes.

The row is the lock: inserted before the request runs (unique by user, route and key), completed with the
answer, deleted when the request fails. A row without answer whose lease has ended belonged to a process
that died; the next request with the key takes it over by compare-and-set.
"""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.exceptions import (
    IdempotencyInProgressError,
    IdempotencyKeyInvalidError,
    IdempotencyKeyReusedError,
)
from accounts.models import IdempotencyKey, User

LEASE = timedelta(seconds=120)
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
class Claim:
    """The right to execute the request, until the lease ends."""

    pk: int
    lease_until: datetime


@dataclass(frozen=True)
class Asked:
    """A request as far as idempotency sees it."""

    user: User
    key: str
    route: str
    body_hash: str


def claim(asked: Asked, *, wait_seconds: float = WAIT_SECONDS) -> Claim | Answer:
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


def complete(held: Claim, answer: Answer) -> None:
    """Store the answer, unless another process has taken the claim over."""
    IdempotencyKey.objects.filter(
        pk=held.pk, lease_until=held.lease_until, status_code=None
    ).update(status_code=answer.status, answer=answer.data, headers=answer.headers)


def release(held: Claim) -> None:
    """Free the key: the request failed and may be sent again."""
    IdempotencyKey.objects.filter(
        pk=held.pk, lease_until=held.lease_until, status_code=None
    ).delete()


def prune(older_than: timedelta) -> int:
    """Forget keys made longer ago than that; the count of those forgotten."""
    now = timezone.now()
    expired = IdempotencyKey.objects.filter(created_at__lt=now - older_than, lease_until__lt=now)
    return expired.delete()[0]


def _insert(asked: Asked) -> Claim | None:
    lease_until = timezone.now() + LEASE
    try:
        with transaction.atomic():
            row = IdempotencyKey.objects.create(
                user=asked.user,
                key=asked.key,
                route=asked.route,
                body_hash=asked.body_hash,
                lease_until=lease_until,
            )
    except IntegrityError:
        return None
    return Claim(row.pk, lease_until)


def _look(asked: Asked) -> Claim | Answer | None:
    """Judge the row that is there; None: it still runs, or has just been freed."""
    row = IdempotencyKey.objects.filter(user=asked.user, key=asked.key, route=asked.route).first()
    if row is None:
        return None
    if row.body_hash != asked.body_hash:
        raise IdempotencyKeyReusedError
    if row.status_code is not None:
        return Answer(row.status_code, row.answer, row.headers)
    return _take_over(row)


def _take_over(row: IdempotencyKey) -> Claim | None:
    now = timezone.now()
    if row.lease_until > now:
        return None
    taken = IdempotencyKey.objects.filter(
        pk=row.pk, lease_until=row.lease_until, status_code=None
    ).update(lease_until=now + LEASE)
    return Claim(row.pk, now + LEASE) if taken else None
