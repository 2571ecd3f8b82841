"""Tests of MECs that servers request: taken and made by controllers.

The lease of a row says which controller makes it. One that is killed loses its lease, and another controller
makes the test once more; after some attempts the test ends without a result.
"""

import msgspec
import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from agent.protocol import Link
from common.db import leases
from simulations.backends import backend
from simulations.exceptions import BackendError
from simulations.models import LinkProbe
from simulations.services.designs.mec_probes import keep, stored
from simulations.services.plan_backend import placement

log = structlog.get_logger(__name__)
MAX_SECONDS = 50.0
"""Limit of a test, whose pod starts first and may have to fetch its image."""
MAX_ATTEMPTS = 3
"""Controllers that may be killed while they make the same test."""


def take(*, lost: bool) -> leases.Lease | None:
    """Take the oldest test that nobody makes; None if there is none.

    Args:
        lost: Take those of killed controllers too. Not soon after an outage of the database, during which
            living ones could not renew their leases.
    """
    rows = LinkProbe.objects.open()
    if lost:
        _end_lost()
    else:
        rows = rows.filter(lease_until=None)
    free = rows.filter(leases.is_free())
    for pk in list(free.values_list("pk", flat=True)[: leases.MAX_ATTEMPTS]):
        if lease := leases.claim(rows, pk, taken_at=timezone.now()):
            return lease
    return None


def _end_lost() -> None:
    worn = LinkProbe.objects.open().filter(leases.is_expired(), attempts__gte=MAX_ATTEMPTS)
    worn.update(ended_at=timezone.now(), lease_until=None)


def answer(lease: leases.Lease) -> None:
    """Make a test that was taken, and write its result or why there is none.

    Raises:
        LeaseLostError: Another controller makes it: nothing was written.
    """
    probe = LinkProbe.objects.select_related("mec", "requested_by").get(pk=lease.pk)
    link = msgspec.convert(probe.link, Link)
    with lease:
        try:
            nodes = placement(probe.mec)
            result = backend(settings.BACKEND).probe(link, nodes, MAX_SECONDS)
        except BackendError as error:
            lease.finish(ended_at=timezone.now(), error=str(error) or type(error).__name__)
            return
        with transaction.atomic():
            lease.finish(ended_at=timezone.now(), result=stored(result))
            keep(probe.mec, link, result, probe.requested_by)
