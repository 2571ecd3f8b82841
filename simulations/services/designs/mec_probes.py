"""Tests of MECs: whether agents would reach them, from where units run."""

from threading import BoundedSemaphore

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.choices import AuditAction
from accounts.models import User
from accounts.services.audit import record_action
from agent.protocol import ProbeResult
from simulations.backends import backend
from simulations.exceptions import (
    BackendError,
    MecDisabledError,
    MecTestUnavailableError,
    TooManyTestsError,
)
from simulations.models import Mec
from simulations.models.mec import LINK_FIELDS

MAX_SECONDS = 10.0
MAX_AT_ONCE = 2
"""Tests at once in each process of the server: each keeps a thread waiting."""
_slots = BoundedSemaphore(MAX_AT_ONCE)


def probe(mec: Mec, *, requested_by: User | None) -> ProbeResult:
    """Test a MEC for ten seconds at most, and keep the result with it.

    Raises:
        MecDisabledError: It is disabled.
        TooManyTestsError: This process tests others.
        MecTestUnavailableError: The backend cannot run a test now.
    """
    if not mec.enabled:
        raise MecDisabledError
    if not _slots.acquire(blocking=False):
        raise TooManyTestsError
    try:
        result = backend(settings.BACKEND).probe(mec.link, MAX_SECONDS)
    except BackendError as error:
        raise MecTestUnavailableError(reason=str(error)) from error
    finally:
        _slots.release()
    _keep(mec, result, requested_by)
    return result


def _keep(mec: Mec, result: ProbeResult, requested_by: User | None) -> None:
    """Write the result, unless the link was changed meanwhile."""
    link = {name: getattr(mec, name) for name in LINK_FIELDS}
    fields = {
        "last_test": msgspec.to_builtins(result),
        "last_tested_at": timezone.now(),
        "last_tested_by": requested_by,
    }
    with transaction.atomic():
        Mec.objects.filter(pk=mec.pk, **link).update(**fields)
        record_action(
            mec,
            AuditAction.TEST,
            requested_by,
            result=str(result.code),
            reachable=result.reachable,
            round_trip_ms=result.round_trip_ms,
        )
    for name, value in fields.items():
        setattr(mec, name, value)
