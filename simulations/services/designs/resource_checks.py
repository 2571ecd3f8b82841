"""Checks of what a design is expected to need against what units have where they run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from common.admin.numbers import number, size
from simulations.backends.base import Capacity, Resources
from simulations.choices import CheckStatus, PreflightCheck
from simulations.models import Simulation, Stage
from simulations.services.designs.checks import Check, cores_text
from simulations.services.designs.demand import Demand, demand
from simulations.services.designs.forecast import Forecast, forecast
from simulations.services.designs.room import room
from simulations.services.designs.unit_checks import limit_checks, unit_checks
from simulations.services.unit_resources import MIB

TIGHT_SHARE = 0.8
"""Share of what there is from which on it is called scarce."""


def resource_checks(simulation: Simulation, stages: Sequence[Stage]) -> Iterator[Check]:
    """Compare the peak of stages that can be started with the room for units; nothing without stages."""
    if not stages:
        return
    course = forecast(simulation.pattern, simulation.mec.transport, stages)
    needed = demand(simulation, stages, course)
    available = room()
    yield _messages(course, needed)
    for need in _needs(course.requested, needed, available.capacity or Capacity()):
        yield _compare(need, available.reason)
    if available.capacity is not None:
        yield from unit_checks(simulation, stages, available.capacity)
        yield from limit_checks(course.requested, available.capacity)


def _messages(course: Forecast, needed: Demand) -> Check:
    kind = PreflightCheck.MESSAGES
    if not course.message_rate.is_known:
        text = _("Not known: a stage plays without pacing, or its gaps are not known.")
        return Check(kind, CheckStatus.UNKNOWN, "RATE_UNKNOWN", text)
    shares = [((stage.unit_rate or 0.0) / stage.most_unit_rate, stage) for stage in needed.stages]
    share, stage = max(shares, key=lambda row: row[0])
    values: dict[str, Any] = {
        "messages": round(course.message_rate.value, 1),
        "bytes": round(course.byte_rate.value),
        "unit_messages": round(stage.unit_rate or 0.0, 1),
        "unit_limit": round(stage.most_unit_rate),
    }
    words = {
        "messages": number(values["messages"]),
        "bytes": size(values["bytes"]),
        "unit": number(values["unit_messages"]),
        "limit": number(values["unit_limit"]),
    }
    text = _(
        "At the peak %(messages)s messages and %(bytes)s a second; of them %(unit)s messages in the "
        "busiest unit."
    )
    if share <= 1:
        return Check(kind, CheckStatus.OK, kind, text % words, values=values)
    advice = _(
        "One unit publishes about %(limit)s a second in time: put fewer agents into a unit "
        "(AGENTS_PER_UNIT), play slower, or play fewer topics."
    )
    return Check(
        kind, CheckStatus.WARNING, "UNIT_BUSY", f"{text % words} {advice % words}", values=values
    )


@dataclass(frozen=True)
class _Need:
    """An amount that is needed at the peak, and the room for it; None: not known."""

    kind: PreflightCheck
    amount: float | None
    room: float | None
    word: Callable[[float], str]
    advice: str
    measured_by: int | None = None
    beyond: CheckStatus = CheckStatus.ERROR
    """Result when it is more than there is."""
    is_requested: bool = False
    """It is exactly what units request."""


def _needs(requested: Resources | None, needed: Demand, room: Capacity) -> Iterator[_Need]:
    if requested is None:
        yield from _estimated_needs(needed, room)
    else:
        yield from _requested_needs(requested, room)
    recorded = needed.recorded_bytes
    yield _Need(
        PreflightCheck.DISK,
        None if recorded is None else needed.bag_bytes + recorded,
        room.disk_bytes,
        size,
        _("Free some space for units, or record less; answers that are recorded come in addition."),
    )


def _estimated_needs(needed: Demand, room: Capacity) -> Iterator[_Need]:
    yield _Need(
        PreflightCheck.CPU,
        needed.cores,
        room.cores,
        cores_text,
        _("Agents may be late: start fewer at once, play slower, or use a larger machine."),
        needed.measured_by,
        CheckStatus.WARNING,
    )
    yield _Need(
        PreflightCheck.MEMORY,
        needed.memory_bytes,
        room.memory_bytes,
        size,
        _("Start fewer agents at once, put more of them into a unit, or use a larger machine."),
        needed.measured_by,
    )


def _requested_needs(requested: Resources, room: Capacity) -> Iterator[_Need]:
    """The needs on a cluster, which admits and places units by what they request, not by what they use."""
    advice = _(
        "Units will wait for it: start fewer agents at once, let the templates reserve less, or raise "
        "the quota."
    )
    cores, memory = requested.cpu / 1000, requested.memory * MIB
    yield _Need(PreflightCheck.CPU, cores, room.cores, cores_text, advice, is_requested=True)
    yield _Need(PreflightCheck.MEMORY, memory, room.memory_bytes, size, advice, is_requested=True)


def _compare(need: _Need, unknown: str) -> Check:
    """Compare what is needed with what there is; `unknown` says why that is not known, if it is so."""
    if need.amount is None:
        text = _("Not known: a stage plays without pacing, and nothing like it has run yet.")
        return Check(need.kind, CheckStatus.UNKNOWN, "DEMAND_UNKNOWN", text)
    values = {"needed": need.amount, "available": need.room, "measured_by": need.measured_by}
    words = {"needed": need.word(need.amount)}
    if need.room is None:
        text = _("About %(needed)s; what there is where units run is not known here.") % words
        if need.is_requested:
            text = (
                _("Units request %(needed)s at once; the room for them is not known here.") % words
            )
        text = f"{text} {unknown}".rstrip()
        return Check(need.kind, CheckStatus.UNKNOWN, "ROOM_UNKNOWN", text, values=values)
    words |= {"room": need.word(need.room), "source": _source(need.measured_by)}
    text = _("About %(needed)s of %(room)s (%(source)s).") % words
    if need.is_requested:
        text = _("Units request %(needed)s at once; there is room for %(room)s.") % words
    if need.amount <= need.room * (1 if need.is_requested else TIGHT_SHARE):
        return Check(need.kind, CheckStatus.OK, need.kind, text, values=values)
    status = need.beyond if need.amount > need.room else CheckStatus.WARNING
    return Check(need.kind, status, "SCARCE", f"{text} {need.advice}", values=values)


def _source(measured_by: int | None) -> str:
    if measured_by is None:
        return _("estimated")
    return _("as measured by execution %(id)d") % {"id": measured_by}
