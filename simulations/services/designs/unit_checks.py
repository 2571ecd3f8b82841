"""Checks of the units of a design against what a cluster still lets run: their number."""

from collections.abc import Iterator, Sequence

from django.conf import settings
from django.utils.translation import gettext as _

from common.admin.numbers import number
from simulations.backends.base import Capacity
from simulations.choices import CheckStatus, Pattern, PreflightCheck
from simulations.models import Simulation, Stage
from simulations.services.designs.checks import Check


def unit_checks(
    simulation: Simulation, stages: Sequence[Stage], capacity: Capacity | None
) -> Iterator[Check]:
    """Compare the units that run at once with the quota; nothing where there is none."""
    if capacity is None or capacity.units is None:
        return
    counts = [-(-stage.agent_count // settings.AGENTS_PER_UNIT) for stage in stages]
    needed = sum(counts) if simulation.pattern == Pattern.PARALLEL else max(counts)
    yield _number(needed, capacity.units)


def _number(needed: int, available: int) -> Check:
    kind = PreflightCheck.UNITS
    words = {"needed": number(needed), "room": number(available)}
    values = {"needed": needed, "available": available}
    text = _("%(needed)s pods at once; the quota leaves room for %(room)s.") % words
    if needed <= available:
        return Check(kind, CheckStatus.OK, kind, text, values=values)
    advice = _("Raise the quota, put more agents into a unit (AGENTS_PER_UNIT), or start fewer.")
    return Check(kind, CheckStatus.ERROR, "QUOTA_EXCEEDED", f"{text} {advice}", values=values)
