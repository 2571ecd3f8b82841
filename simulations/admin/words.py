"""How the console's pages say things: times, shares, states, failures and links; all of it is escaped."""

import json
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from common.admin.actions import admin_url
from simulations.choices import (
    AgentStatus,
    Blame,
    DataStatus,
    DeletionStatus,
    EventKind,
    FailureCode,
    RecordingStatus,
    RunStatus,
    blame,
)
from simulations.failures import failure_text
from simulations.models import Event, Execution

NOTHING = "-"
GOOD = {
    RunStatus.COMPLETED,
    AgentStatus.COMPLETED,
    DataStatus.COMPLETE,
    RecordingStatus.STORED,
    DeletionStatus.COMPLETED,
}
BAD = {
    RunStatus.FAILED,
    AgentStatus.FAILED,
    AgentStatus.LOST,
    DataStatus.INCOMPLETE,
    RecordingStatus.LOST,
    DeletionStatus.FAILED,
}
QUIET = {RunStatus.PENDING, RunStatus.SKIPPED, RunStatus.STOPPED, DataStatus.NOT_EXPECTED}
MINUTE, HOUR = 60, 3600


def moment(when: datetime | None) -> str:
    """A time to the second, on one line of a list."""
    return format_html('<span class="console-line">{}</span>', to_the_second(when))


def to_the_second(when: datetime | None) -> str:
    """A time as people compare it with others; runs are over in less than the minute that Django shows."""
    return timezone.localtime(when).strftime("%Y-%m-%d %H:%M:%S") if when else NOTHING


def duration(begin: datetime | None, end: datetime | None) -> str:
    """The time from one moment to another, or to now."""
    if begin is None:
        return NOTHING
    seconds = max(0.0, ((end or timezone.now()) - begin).total_seconds())
    whole = round(seconds)
    words = {"s": whole % MINUTE, "min": whole // MINUTE % 60, "h": whole // HOUR}
    if whole >= HOUR:
        return _("%(h)d h %(min)d min") % words
    if whole >= MINUTE:
        return _("%(min)d min %(s)d s") % words
    return _("%(seconds).1f s") % {"seconds": seconds}


def bar(percent: float | None) -> str:
    """A share as a bar and a number, 0 to 100."""
    if percent is None:
        return NOTHING
    shown = round(percent)
    return format_html(
        '<span class="console-line"><progress max="100" value="{}"></progress> {} %</span>',
        shown,
        shown,
    )


def state(row: Any, field: str = "status") -> str:
    """A state of a row in its colour."""
    value = getattr(row, field)
    label = getattr(row, f"get_{field}_display")()
    return format_html('<span class="{}">{}</span>', colour(value), label)


def colour(value: str) -> str:
    """The class of a state's colour."""
    if value in GOOD:
        return "console-ok"
    if value in BAD:
        return "console-bad"
    return "console-quiet" if value in QUIET else "console-busy"


def failure(row: Any) -> str:
    """The code of a failure and who is to blame; the remedy is shown as one points at it."""
    code = row.failure_code
    if not code:
        return NOTHING
    return format_html(
        '<span title="{}">{} ({})</span>', remedy(code), code, Blame(blame(code)).label
    )


def remedy(code: str) -> str:
    """What to do about a failure; codes of older versions have none."""
    return str(FailureCode(code).label) if code in FailureCode.values else ""


def explained(row: Any) -> str:
    """A failure with everything there is to say: code, blame, what happened, what to do."""
    code = row.failure_code
    if not code:
        return NOTHING
    text = failure_text(code, row.failure_values, row.failure_text)
    told = [text] if text not in ("", remedy(code)) else []
    return format_html(
        '<span class="console-bad">{}</span> ({}){}',
        code,
        _("to blame: %(whom)s") % {"whom": Blame(blame(code)).label},
        format_html_join("", "<br>{}", [(line,) for line in [*told, remedy(code)]]),
    )


def named(execution: Execution) -> str:
    """An execution by the name of its simulation and its number."""
    return f"{execution.simulation.name} #{execution.number}"


def linked(row: Any, text: str | None = None) -> str:
    """A link to the page of a row, or nothing."""
    if row is None:
        return NOTHING
    return format_html('<a href="{}">{}</a>', admin_url(row), row if text is None else text)


def linked_to(model: str, pk: int, text: str) -> str:
    """A link to the page of a row of this app that is not at hand."""
    return format_html(
        '<a href="{}">{}</a>', reverse(f"admin:simulations_{model}_change", args=[pk]), text
    )


def run_link(execution: Execution) -> str:
    """A link to an execution by its name, short enough for one line of a list."""
    name = execution.simulation.name
    return format_html(
        '<a href="{}" title="{}" class="console-line">{}</a>',
        admin_url(execution),
        name,
        f"{Truncator(name).chars(26)} #{execution.number}",
    )


def list_of(model: str, **filters: Any) -> str:
    """The address of a list of this app, filtered."""
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    return f"{reverse(f'admin:simulations_{model}_changelist')}?{query}"


def kind(event: Event) -> str:
    """What an event tells, in words; kinds of other versions have none."""
    return str(EventKind(event.kind).label) if event.kind in EventKind.values else event.kind


def said(payload: dict[str, Any]) -> str:
    """What an event tells beside its kind."""
    told = [f"{name}: {value}" for name, value in payload.items() if value not in ("", None)]
    return Truncator(", ".join(told)).chars(160)


def readable(value: Any) -> str:
    """JSON as people read it."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return format_html('<pre class="console-log">{}</pre>', text)


def log(text: str) -> str:
    """Lines of a log."""
    return format_html('<pre class="console-log">{}</pre>', text) if text else NOTHING


def number(value: float | None) -> str:
    """A measured value without needless digits."""
    return NOTHING if value is None else f"{value:,.0f}"
