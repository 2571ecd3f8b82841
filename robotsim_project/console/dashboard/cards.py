"""The numbers on top of the dashboard, each with its last days and a link to the list behind it."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common.admin.numbers import number, size
from robotsim_project.console.dashboard import charts
from simulations.choices import AgentStatus
from simulations.services.monitoring import history, running


@dataclass(frozen=True)
class Card:
    """A number with its last days."""

    title: str
    value: str
    note: str
    url: str
    measure: str
    """Values of the chart, one for each day."""
    rows: list[charts.Bar]

    @property
    def chart(self) -> str:
        return charts.bars(self.rows, self.measure)


def cards(now: running.Running, days: list[history.Day]) -> list[Card]:
    """The numbers on top."""
    return [_agents_card(now, days), _executions_card(days), _storage_card(days)]


def _agents_card(now: running.Running, days: list[history.Day]) -> Card:
    count = number(now.agents[AgentStatus.RUNNING])
    if now.complete:
        planned = sum(progress.planned_agents for progress in now.progress.values())
        note = _("of %(planned)s planned") % {"planned": number(planned)} if planned else ""
    elif now.progress:
        count = f"{count}+"
        note = _("of the newest %(count)d executions") % {"count": len(now.progress)}
    else:
        count, note = "?", _("unknown while Redis does not answer")
    return Card(
        _("Agents running"),
        count,
        note,
        _list("simulations_execution", active="yes"),
        _("Agents ended"),
        [charts.Bar(day.date, day.agents, number(day.agents)) for day in days],
    )


def _executions_card(days: list[history.Day]) -> Card:
    today = days[-1]
    parts = [
        ngettext("%(n)d failed", "%(n)d failed", today.failed) % {"n": today.failed},
        ngettext("%(n)d stopped", "%(n)d stopped", today.stopped) % {"n": today.stopped},
    ]
    begin = datetime.combine(today.date, datetime.min.time(), timezone.get_current_timezone())
    return Card(
        _("Executions ended today"),
        number(today.executions),
        ", ".join(parts),
        _list("simulations_execution", ended_at__gte=begin.isoformat()),
        _("Executions ended, of these failed"),
        [charts.Bar(day.date, day.executions, _ended(day), day.failed) for day in days],
    )


def _storage_card(days: list[history.Day]) -> Card:
    stored = days[-1].stored_bytes
    return Card(
        _("Rosbags stored"),
        "?" if stored is None else size(stored),
        _("not counted yet: the worker counts every few minutes") if stored is None else "",
        reverse("admin:system_storage"),
        _("Stored at the end of the day"),
        [charts.Bar(d.date, d.stored_bytes, size(d.stored_bytes)) for d in days],
    )


def _ended(day: history.Day) -> str:
    return f"{number(day.executions)} ({number(day.failed)})"


def _list(model: str, **filters: str) -> str:
    return f"{reverse(f'admin:{model}_changelist')}?{urlencode(filters)}"
