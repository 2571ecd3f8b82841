"""Checks of the units of a design against a cluster: their number, and whether a node has room for one."""

from collections.abc import Callable, Iterator, Sequence

from django.conf import settings
from django.utils.translation import gettext as _

from common.admin.numbers import number, size
from simulations.backends.base import Capacity, Resources
from simulations.choices import CheckStatus, Pattern, PreflightCheck
from simulations.models import Simulation, Stage
from simulations.services.designs.checks import Check, Subject, cores_text
from simulations.services.plan_backend import stage_resources
from simulations.services.planning import plan_stage

MILLI = 1000
MIB = 2**20


def unit_checks(
    simulation: Simulation, stages: Sequence[Stage], capacity: Capacity
) -> Iterator[Check]:
    """Compare the units at once with the quota, and each with the freest node, where these are known."""
    if capacity.units is not None:
        yield _number(_at_once(simulation, stages), capacity.units)
    for stage in stages:
        yield from _node(stage, simulation.mec.transport, capacity)


def limit_checks(limits: Resources | None, capacity: Capacity) -> Iterator[Check]:
    """Refuse limits of all units at once that the quota does not admit; they need not fit the nodes."""
    if limits is None:
        return
    cores, memory = limits.cpu_limit / MILLI, limits.memory_limit * MIB
    yield from _limit(PreflightCheck.CPU, cores, capacity.limit_cores, cores_text)
    yield from _limit(PreflightCheck.MEMORY, memory, capacity.limit_memory_bytes, size)


def _limit(
    kind: PreflightCheck, needed: float, available: float | None, word: Callable[[float], str]
) -> Iterator[Check]:
    if available is None or needed <= available:
        return
    text = _(
        "The limits of units add up to %(needed)s at once; the quota leaves room for %(room)s. Raise the "
        "quota, set lower limits in the templates, or start fewer agents at once."
    )
    words = {"needed": word(needed), "room": word(available)}
    values = {"needed": needed, "available": available}
    yield Check(kind, CheckStatus.ERROR, "QUOTA_EXCEEDED", text % words, values=values)


def _at_once(simulation: Simulation, stages: Sequence[Stage]) -> int:
    counts = [-(-stage.agent_count // settings.AGENTS_PER_UNIT) for stage in stages]
    return sum(counts) if simulation.pattern == Pattern.PARALLEL else max(counts)


def _number(needed: int, available: int) -> Check:
    kind = PreflightCheck.UNITS
    words = {"needed": number(needed), "room": number(available)}
    values = {"needed": needed, "available": available}
    text = _("%(needed)s pods at once; the quota leaves room for %(room)s.") % words
    if needed <= available:
        return Check(kind, CheckStatus.OK, kind, text, values=values)
    advice = _("Raise the quota, put more agents into a unit (AGENTS_PER_UNIT), or start fewer.")
    return Check(kind, CheckStatus.ERROR, "QUOTA_EXCEEDED", f"{text} {advice}", values=values)


def _node(stage: Stage, transport: str, capacity: Capacity) -> Iterator[Check]:
    """Warn of a unit that requests more than any node has free now: it would wait for one."""
    template = stage.template
    unit = stage_resources(
        plan_stage(stage, 1, transport),
        template,
        template.rosbag,
        transport,
        settings.AGENTS_PER_UNIT,
    )
    if unit is None or capacity.node_cores is None or capacity.node_memory_bytes is None:
        return
    cores, memory = unit.cpu / MILLI, unit.memory * MIB
    if cores <= capacity.node_cores and memory <= capacity.node_memory_bytes:
        return
    text = _(
        "A unit requests %(cores)s cores and %(memory)s; no node has more free than %(node_cores)s cores and "
        "%(node_memory)s. Put fewer agents into a unit (AGENTS_PER_UNIT), let the template request less, or "
        "add a larger node."
    )
    words = {
        "cores": number(cores, 2),
        "memory": size(memory),
        "node_cores": number(capacity.node_cores, 2),
        "node_memory": size(capacity.node_memory_bytes),
    }
    yield Check(
        PreflightCheck.UNITS,
        CheckStatus.WARNING,
        "UNSCHEDULABLE",
        text % words,
        Subject("template", template.pk),
        stage.position,
        {"cores": cores, "memory_bytes": memory},
    )
