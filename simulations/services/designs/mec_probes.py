"""Tests of MECs: whether agents would reach them, from where units run."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.choices import AuditAction
from accounts.models import User
from accounts.services.audit import record_action
from agent.protocol import Link, ProbeResult
from common.db.text import storable
from simulations.backends import backend
from simulations.backends.base import Backend
from simulations.exceptions import (
    BackendError,
    MecDisabledError,
    MecTestUnavailableError,
    TooManyTestsError,
)
from simulations.models import Mec
from simulations.models.mec import LINK_FIELDS, PLACEMENT_FIELDS
from simulations.services.designs import probe_requests
from simulations.services.plan_backend import placement

MAX_SECONDS = 10.0
MAX_AT_ONCE = 2
"""Tests at once in each process of the server: each keeps a thread waiting."""
_slots = BoundedSemaphore(MAX_AT_ONCE)


def probe(mec: Mec, *, requested_by: User | None) -> ProbeResult:
    """Test a MEC, or wait until a controller has; the result is kept with it.

    Raises:
        MecDisabledError: It is disabled.
        TooManyTestsError: This process tests others.
        MecTestUnavailableError: The backend cannot run a test now, or no controller does.
    """
    if not mec.enabled:
        raise MecDisabledError
    units = backend(settings.BACKEND)
    with _slot():
        if units.controller_only:
            return probe_requests.wait(probe_requests.request(mec, requested_by))
        return _run(units, mec, requested_by)


def start(mec: Mec, *, requested_by: User | None) -> None:
    """Test a MEC without waiting for a controller: where one makes the test, it is only requested.

    Raises:
        MecDisabledError: It is disabled.
        TooManyTestsError: This process tests others.
        MecTestUnavailableError: The backend cannot run a test now.
    """
    if mec.enabled and backend(settings.BACKEND).controller_only:
        probe_requests.request(mec, requested_by)
    else:
        probe(mec, requested_by=requested_by)


@contextmanager
def _slot() -> Iterator[None]:
    if not _slots.acquire(blocking=False):
        raise TooManyTestsError
    try:
        yield
    finally:
        _slots.release()


def _run(units: Backend, mec: Mec, requested_by: User | None) -> ProbeResult:
    link = mec.link
    try:
        result = units.probe(link, placement(mec), MAX_SECONDS)
    except BackendError as error:
        raise MecTestUnavailableError(reason=str(error)) from error
    keep(mec, link, result, requested_by)
    return result


def stored(result: ProbeResult) -> dict[str, Any]:
    """Return a result as the database stores it."""
    values = msgspec.to_builtins(result)
    return {name: storable(v) if isinstance(v, str) else v for name, v in values.items()}


def keep(mec: Mec, link: Link, result: ProbeResult, requested_by: User | None) -> None:
    """Write the result of testing a link, unless it or the placement was changed meanwhile; it is audited."""
    tested = {name: getattr(link, name) for name in LINK_FIELDS}
    tested |= {name: getattr(mec, name) for name in PLACEMENT_FIELDS}
    fields = {
        "last_test": stored(result),
        "last_tested_at": timezone.now(),
        "last_tested_by": requested_by,
    }
    with transaction.atomic():
        present = Mec.objects.filter(pk=mec.pk, **tested | {"addresses": list(link.addresses)})
        present.update(**fields)
        record_action(
            mec,
            AuditAction.TEST,
            requested_by,
            result=str(result.code),
            reachable=result.reachable,
            round_trip_ms=result.round_trip_ms,
        )
