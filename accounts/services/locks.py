"""Locks of accounts after wrong passwords, by account and network."""

from datetime import datetime

from axes.models import AccessAttempt
from axes.utils import reset
from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from accounts.choices import AuditAction
from accounts.models import User
from accounts.services.audit import record_action


def locks(emails: list[str]) -> QuerySet[AccessAttempt]:
    """Return the wrong passwords that lock accounts now, by their addresses."""
    attempts: QuerySet[AccessAttempt] = AccessAttempt.objects.filter(
        username__in=emails,
        failures_since_start__gte=settings.AXES_FAILURE_LIMIT,
        attempt_time__gt=timezone.now() - settings.AXES_COOLOFF_TIME,
    )
    return attempts


def locked(emails: list[str]) -> set[str]:
    """Return those of the addresses that are locked, from some network."""
    return set(locks(emails).values_list("username", flat=True))


def locked_until(user: User) -> datetime | None:
    """Return the time at which the last lock of an account ends; None if it is not locked."""
    times = list(locks([user.email]).values_list("attempt_time", flat=True))
    return max(times) + settings.AXES_COOLOFF_TIME if times else None


def unlock(user: User, by: User) -> int:
    """Forget the wrong passwords of an account, and return the number of its locks."""
    count: int = reset(username=user.email)
    if count:
        record_action(user, AuditAction.UNLOCK, by)
    return count
