"""Data of the log: the newest lines of one agent's unit, or of several units in the order of their times."""

import zlib
from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _

from simulations.admin.executions.page_data import PageData
from simulations.admin.log_lines import LEVELS, LogLine, parse, to_dict
from simulations.services.runs import logs

MAX_UNITS = 20
MAX_LINES = 300
AGENT, LEVEL, MARK = "agent", "level", "mark"
"""Names of the parameters: an agent's number, the lowest level, and the mark of the lines that are shown."""
_MAX_DIGITS = 9


def data(page: PageData) -> dict[str, Any]:
    """The lines that the request asks for; none if they are those that it has."""
    agent = page.request.GET.get(AGENT, "")
    logs_of_units = _logs(page, agent)
    lines = _filtered(_joined(logs_of_units), page.request.GET.get(LEVEL, ""))[-MAX_LINES:]
    mark = str(zlib.crc32(repr(lines).encode()))
    same = mark == page.request.GET.get(MARK)
    return {
        "mark": mark,
        "lines": None if same else [to_dict(line, unit) for unit, line in lines],
        "note": _note(page, agent),
    }


def _logs(page: PageData, agent: str) -> list[dict[str, Any]]:
    rows = logs.rows(page.execution.pk).order_by("-stage_run__position", "unit", "attempt")
    if agent:
        place = _place(page, agent)
        if place is None:
            return []
        rows = rows.filter(stage_run__position=place[0], unit=place[1])
    return logs.serialize(page.execution.pk, rows[:MAX_UNITS])


def _place(page: PageData, agent: str) -> tuple[int, int] | None:
    """The stage and the unit of an agent; None if there is no such agent."""
    if not (agent.isascii() and agent.isdigit() and len(agent) <= _MAX_DIGITS):
        return None
    for stage in page.plan.stages:
        index = int(agent) - stage.first_agent
        if 0 <= index < stage.agents:
            return stage.position, index // page.plan.agents_per_unit
    return None


def _joined(logs_of_units: Iterable[dict[str, Any]]) -> list[tuple[str, LogLine]]:
    """Lines with the name of their unit, by time; those without one follow the line before them."""
    timed = []
    for log in logs_of_units:
        unit, time = f"{log['stage']}/{log['unit']}", ""
        for line in parse(log["text"]):
            time = line.time or time
            timed.append((time, unit, line))
    return [(unit, line) for _time, unit, line in sorted(timed, key=lambda row: row[0])]


def _filtered(lines: list[tuple[str, LogLine]], level: str) -> list[tuple[str, LogLine]]:
    if level not in LEVELS:
        return lines
    shown = LEVELS[LEVELS.index(level) :]
    return [(unit, line) for unit, line in lines if line.level in shown]


def _note(page: PageData, agent: str) -> str:
    units = sum(run.units for run in page.stage_runs)
    if agent and _place(page, agent) is None:
        return _("There is no agent of this number.")
    if agent or units <= MAX_UNITS:
        return ""
    values = {"some": MAX_UNITS, "all": units}
    return (
        _("Lines of %(some)d of %(all)d units: choose an agent to read the log of its unit.")
        % values
    )
