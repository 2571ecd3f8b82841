"""Requests of tests of MECs to controllers: written by servers, which may wait for the result."""

from contextlib import suppress
from time import monotonic, sleep

import msgspec
from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from agent.protocol import ProbeResult
from simulations.backends import backend
from simulations.exceptions import (
    MecTestLostError,
    MecTestNotTakenError,
    MecTestOngoingError,
    MecTestUnavailableError,
    NoControllerError,
    RedisUnreachableError,
)
from simulations.live import system
from simulations.models import LinkProbe, Mec
from simulations.services.monitoring.overview import controller_state

WAIT_SECONDS = 60.0
"""Longest wait of a request, a little more than a controller takes for a test."""
TAKE_SECONDS = 15.0
"""Time within which a controller that is not busy takes a test."""
POLL_SECONDS = 0.25


def request(mec: Mec, requested_by: User | None) -> LinkProbe:
    """Request a test of the present link of a mec, or join one that is open."""
    link = msgspec.to_builtins(mec.link)
    same = _of_present(mec, LinkProbe.objects.open())
    return same.first() or LinkProbe.objects.create(mec=mec, link=link, requested_by=requested_by)


def latest(mec: Mec) -> LinkProbe | None:
    """Return the newest test requested of a mec as it is now; None where servers test themselves."""
    if not backend(settings.BACKEND).controller_only:
        return None
    rows = _of_present(mec, LinkProbe.objects.select_related("requested_by"))
    return rows.order_by("-pk").first()


def _of_present(mec: Mec, rows: QuerySet[LinkProbe]) -> QuerySet[LinkProbe]:
    """Those of its present link and placement, of which the latter is read when the test is made."""
    link = msgspec.to_builtins(mec.link)
    return rows.filter(mec=mec, link=link, created_at__gte=mec.updated_at)


def waiting_text(probe: LinkProbe) -> str:
    """Say what a test waits for that no controller has taken."""
    waited = (timezone.now() - probe.created_at).total_seconds()
    if waited > TAKE_SECONDS:
        return str(_not_taken())
    return _("It waits for a controller to take it.")


def failure_text(probe: LinkProbe) -> str:
    """Say why an ended test has no result; empty if it has one."""
    if probe.ended_at is None:
        return str(_not_taken())
    try:
        result_of(probe)
    except MecTestUnavailableError as error:
        return str(error)
    return ""


def wait(probe: LinkProbe) -> ProbeResult:
    """Wait for the result of a requested test.

    Raises:
        MecTestUnavailableError: There is none, and why; a test that was taken goes on all the same.
    """
    begun = monotonic()
    while True:
        row = LinkProbe.objects.filter(pk=probe.pk).first()
        if row is None or row.ended_at is not None:
            return result_of(row)
        waited = monotonic() - begun
        if row.taken_at is None and waited > TAKE_SECONDS:
            _withdraw(row)
        elif waited > WAIT_SECONDS:
            raise MecTestOngoingError(seconds=round(WAIT_SECONDS))
        sleep(POLL_SECONDS)


def result_of(probe: LinkProbe | None) -> ProbeResult:
    """Return the result of an ended test.

    Raises:
        MecTestUnavailableError: It has none.
    """
    if probe is None:
        raise _not_taken()
    if probe.result is not None:
        return msgspec.convert(probe.result, ProbeResult)
    if probe.error:
        raise MecTestUnavailableError(reason=probe.error)
    raise MecTestLostError


def _withdraw(probe: LinkProbe) -> None:
    """Remove a test that nobody has taken, unless a controller takes it now."""
    if LinkProbe.objects.filter(pk=probe.pk, taken_at=None).delete()[0]:
        raise _not_taken()


def _not_taken() -> MecTestUnavailableError:
    with suppress(RedisUnreachableError):
        if controller_state(system.last_controller_pass()) != "ok":
            return NoControllerError()
    return MecTestNotTakenError()
