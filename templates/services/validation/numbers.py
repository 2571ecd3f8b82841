"""Numbers of templates: their bounds, and how they limit each other."""

from collections.abc import Set as AbstractSet

from django.utils.translation import gettext as _

from common.bounds import Bounds
from common.exceptions import FieldError
from templates.models import Template

DAY = 86400.0
RATE = Bounds(0.001, 1000, or_zero=True)
"""Factor on recorded time; 0: as fast as possible."""
MAX_GAP = Bounds(0.001, 366 * DAY)
"""Seconds of recorded time without a message."""
OFFSET = Bounds(0, 366 * DAY)
"""Seconds of recorded time after the first message."""
PASS_GAP = Bounds(0, DAY)
CLOCK_HZ = Bounds(0.1, 1000, or_zero=True)
MATCH_SECONDS = Bounds(1, 600)
AGENT_CPU = Bounds(1, 64_000)
"""Thousandths of a core."""
AGENT_MEMORY = Bounds(1, 1_048_576)
"""MiB."""

BOUNDS = {
    "rate": RATE,
    "max_gap_seconds": MAX_GAP,
    "start_offset": OFFSET,
    "end_offset": OFFSET,
    "pass_gap": PASS_GAP,
    "clock_hz": CLOCK_HZ,
    "match_seconds": MATCH_SECONDS,
    "agent_cpu": AGENT_CPU,
    "agent_cpu_limit": AGENT_CPU,
    "agent_memory": AGENT_MEMORY,
    "agent_memory_limit": AGENT_MEMORY,
}
CODES = {
    "rate": "RATE_INVALID",
    "max_gap_seconds": "MAX_GAP_INVALID",
    "start_offset": "OFFSET_INVALID",
    "end_offset": "OFFSET_INVALID",
    "pass_gap": "PASS_GAP_INVALID",
    "clock_hz": "CLOCK_RATE_INVALID",
    "match_seconds": "MATCH_SECONDS_INVALID",
    "agent_cpu": "CPU_INVALID",
    "agent_cpu_limit": "CPU_INVALID",
    "agent_memory": "MEMORY_INVALID",
    "agent_memory_limit": "MEMORY_INVALID",
}
RESOURCES = ("agent_cpu", "agent_memory")
"""Requests, each with a limit beside it."""


def number_errors(template: Template, changed: AbstractSet[str]) -> list[FieldError]:
    """Check the numbers that are changed, with the others of the template."""
    errors = [
        FieldError(f"/{name}", bounds.message, CODES[name])
        for name, bounds in BOUNDS.items()
        if name in changed and not _accepts(bounds, getattr(template, name))
    ]
    wrong = {error.pointer for error in errors}
    return errors + [error for error in _together(template, changed) if error.pointer not in wrong]


def _accepts(bounds: Bounds, value: float | None) -> bool:
    return value is None or bounds.accept(value)  # the model says which may be null


def _together(template: Template, changed: AbstractSet[str]) -> list[FieldError]:
    errors = []
    start, end = template.start_offset, template.end_offset
    if {"start_offset", "end_offset"} & changed and end is not None and end <= start:
        detail = _("The end must be later than the start: give more than %(start)s, or nothing.")
        detail %= {"start": f"{start:,.15g}"}
        errors.append(FieldError("/end_offset", detail, "OFFSET_INVALID"))
    if {"rate", "clock_hz"} & changed and template.clock_hz and template.rate == 0:
        detail = _("Without pacing there is no clock: give 0, or a rate other than 0.")
        errors.append(FieldError("/clock_hz", detail, "CLOCK_UNPACED"))
    return errors + [
        error for name in RESOURCES for error in _limit_errors(template, name, changed)
    ]


def _limit_errors(template: Template, name: str, changed: AbstractSet[str]) -> list[FieldError]:
    request, limit = getattr(template, name), getattr(template, f"{name}_limit")
    if not {name, f"{name}_limit"} & changed or request is None or limit is None:
        return []
    if limit >= request:
        return []
    detail = _("The limit is below what is reserved: give at least %(request)s, or nothing.")
    detail %= {"request": f"{request:,}"}
    return [FieldError(f"/{name}_limit", detail, "LIMIT_BELOW_REQUEST")]
