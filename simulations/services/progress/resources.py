"""CPU time and memory of the units of a stage and of an execution."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import msgspec

from simulations.backends.base import Resources
from simulations.live.unit_counts import AttemptKey, UnitCount

MILLI = 1000
MIB = 2**20
Number = TypeVar("Number", int, float)


class ResourceTotals(msgspec.Struct, frozen=True, kw_only=True):
    """CPU and memory of all units; None if none of them has reported any.

    `cpu_seconds` includes earlier attempts. `cpu_cores` and `memory_bytes` are those of now, without ended
    units. `memory_peak_bytes` adds the peaks of units that run at the same time, which need not be at the
    same moment: no more was ever used. Requested is what a cluster reserves for the units; None on a backend
    that reserves nothing.
    """

    cpu_seconds: float | None = None
    cpu_cores: float | None = None
    memory_bytes: int | None = None
    memory_peak_bytes: int | None = None
    cpu_cores_requested: float | None = None
    memory_requested_bytes: int | None = None


def resources_of_stage(
    counts: Mapping[AttemptKey, UnitCount], stage_run: int, requested: Resources | None, units: int
) -> ResourceTotals:
    """Add up the units of a stage run; attempts of a unit run one after the other.

    Args:
        counts: What all units have reported.
        stage_run: The primary key.
        requested: Requests of one unit.
        units: Their number.
    """
    attempts = [(key[1], count) for key, count in counts.items() if key[0] == stage_run]
    peaks: dict[int, int] = {}
    for unit, count in attempts:
        if count.memory_peak_bytes is not None:
            peaks[unit] = max(peaks.get(unit, 0), count.memory_peak_bytes)
    return ResourceTotals(
        cpu_seconds=_total(count.cpu_seconds for _unit, count in attempts),
        cpu_cores=_total(count.cpu_cores for _unit, count in attempts),
        memory_bytes=_total(count.memory_bytes for _unit, count in attempts),
        memory_peak_bytes=_total(peaks.values()),
        cpu_cores_requested=units * requested.cpu / MILLI if requested else None,
        memory_requested_bytes=units * requested.memory * MIB if requested else None,
    )


def resources_of_all(stages: Iterable[ResourceTotals], *, at_once: bool) -> ResourceTotals:
    """Add up the stages of an execution, which run at once or one after the other."""
    totals = list(stages)
    join = sum if at_once else max
    return ResourceTotals(
        cpu_seconds=_total(stage.cpu_seconds for stage in totals),
        cpu_cores=_total(stage.cpu_cores for stage in totals),
        memory_bytes=_total(stage.memory_bytes for stage in totals),
        memory_peak_bytes=_combined((stage.memory_peak_bytes for stage in totals), join),
        cpu_cores_requested=_combined((stage.cpu_cores_requested for stage in totals), join),
        memory_requested_bytes=_combined((stage.memory_requested_bytes for stage in totals), join),
    )


def larger(one: Number | None, other: Number | None) -> Number | None:
    """The larger of two values, either of which may be None."""
    return _combined((one, other), max)


def _total(values: Iterable[Number | None]) -> Number | None:
    return _combined(values, sum)


def _combined(
    values: Iterable[Number | None], combine: Callable[[list[Number]], Number]
) -> Number | None:
    reported = [value for value in values if value is not None]
    return combine(reported) if reported else None
