"""Escaped HTML for values on the console's pages: percentages, statuses, failures and links."""

import json
from typing import Any

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _

from common.admin.actions import admin_url
from common.admin.badges import Tone, badge
from common.admin.numbers import number
from simulations.choices import (
    AgentStatus,
    Blame,
    DataStatus,
    DeletionStatus,
    EventKind,
    RecordingStatus,
    RunStatus,
    Stopper,
    blame,
)
from simulations.failures import failure_text, period, remedy, stopped_by
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
QUIET = {
    RunStatus.PENDING,
    RunStatus.SKIPPED,
    RunStatus.STOPPED,
    DataStatus.NOT_EXPECTED,
    RecordingStatus.EXPECTED,
}
DOUBTFUL = {RecordingStatus.EMPTY, RecordingStatus.PARTIAL}


def progress_bar(percent: float | None) -> str:
    """Show a percentage as a bar and a number."""
    if percent is None:
        return NOTHING
    return format_html(
        '<span class="nowrap"><progress max="100" value="{0}"></progress> {0} %</span>',
        round(percent),
    )


def status_label(row: Any, field: str = "status") -> str:
    """Show the label of a row's status as a badge."""
    label = getattr(row, f"get_{field}_display")()
    return badge(tone(getattr(row, field)), label)


def tone(value: str) -> Tone:
    """Return the tone of a status: good, bad, quiet or under way."""
    if value in GOOD:
        return "ok"
    if value in BAD:
        return "bad"
    if value in DOUBTFUL:
        return "warn"
    return "idle" if value in QUIET else "run"


def failure_summary(row: Any) -> str:
    """Show a failure's code and who is to blame, with the remedy as a tooltip."""
    code = row.failure_code
    if not code:
        return NOTHING
    return format_html(
        '<span title="{}">{}</span> <span class="quiet">{}</span>',
        remedy(code),
        code,
        Blame(blame(code)).label,
    )


def failure_details(row: Any) -> str:
    """Show a failure's code, blame, explanation and remedy."""
    code = row.failure_code
    if not code:
        return NOTHING
    text = failure_text(code, row.failure_values, row.failure_text)
    lines = [text, remedy(code)] if text not in ("", remedy(code)) else [remedy(code)]
    return format_html(
        "<strong>{}</strong> ({}){}",
        code,
        _("to blame: %(whom)s") % {"whom": Blame(blame(code)).label},
        format_html_join("", "<br>{}", [(line,) for line in lines]),
    )


def stopper(execution: Execution) -> str:
    """Show who or what stopped an execution."""
    name = stopped_by(str(execution.stopped_by or ""), execution.failure_values)
    return str(Stopper(name).label) if name in Stopper.values else name or NOTHING


def execution_name(execution: Execution) -> str:
    """Name an execution by its simulation and number."""
    return f"{execution.simulation.name} #{execution.number}"


def link(row: Any, text: str | None = None) -> str:
    """Link to the page of a row; None gives a dash."""
    if row is None:
        return NOTHING
    return format_html('<a href="{}">{}</a>', admin_url(row), row if text is None else text)


def link_by_id(model: str, pk: int, text: str) -> str:
    """Link to the page of a row of this app that has not been loaded."""
    return format_html(
        '<a href="{}">{}</a>', reverse(f"admin:simulations_{model}_change", args=[pk]), text
    )


def execution_link(execution: Execution) -> str:
    """Link to an execution by its name."""
    return link(execution, execution_name(execution))


def list_url(model: str, **filters: Any) -> str:
    """Return the URL of a filtered list of this app."""
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    return f"{reverse(f'admin:simulations_{model}_changelist')}?{query}"


def outages(rows: list[dict[str, Any]] | None) -> str:
    """List outages of a connection, each on a line, with the messages that may be lost."""
    lines = [(period(row["began_at"], row["ended_at"]), row["messages"]) for row in rows or []]
    return format_html_join("", "{}: {}<br>", lines) or NOTHING


def event_label(event: Event) -> str:
    """Return the label of an event's kind; the kind itself if another version wrote it."""
    return str(EventKind(event.kind).label) if event.kind in EventKind.values else event.kind


def pretty_json(value: Any) -> str:
    """Show indented JSON."""
    return preformatted(json.dumps(value, indent=2, ensure_ascii=False))


def preformatted(text: str) -> str:
    """Show lines as they are, such as those of a log."""
    return format_html('<pre class="log">{}</pre>', text) if text else NOTHING


def microseconds(value: float | None) -> str:
    """Format a time that is given in µs in the unit that suits it."""
    if value is None:
        return NOTHING
    for limit, unit in ((1e3, "µs"), (1e6, "ms")):
        if abs(value) < limit:
            return f"{digits(value / limit * 1e3)} {unit}"
    return f"{digits(value / 1e6)} s"


def digits(value: float) -> str:
    """Format a number with about two digits."""
    return number(value, 1 if abs(value) < 10 else 0)  # noqa: PLR2004
