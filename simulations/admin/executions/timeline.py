"""Data of the time line: stages, connections, units and recordings on the wall clock, drawn by the script."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from simulations.admin.event_sentences import event_sentence, event_tone
from simulations.admin.executions.page_data import PageData
from simulations.admin.formatting import tone
from simulations.choices import EventKind, RunStatus
from simulations.models import Event, StageRun
from simulations.services.plan import Plan
from simulations.services.progress.calculation import planned_seconds
from simulations.services.progress.outages import Outage
from simulations.services.progress.progress import StageProgress

MAX_TICKS = 300
_UNIT_KINDS = [EventKind.UNIT_LOST, EventKind.UNIT_NEVER_REGISTERED, EventKind.UNIT_RETRIED]
_SHOWN_KINDS = [*_UNIT_KINDS, EventKind.RECORDING_STATUS]

Row = dict[str, Any]


def data(page: PageData) -> dict[str, Any]:
    """Rows of bars and ticks, and lines across all of them; times in ms since 1970, None: not ended."""
    execution = page.execution
    now = timezone.now()
    expected = page.progress.expected_end
    end = execution.ended_at or max(now, expected or now)
    return {
        "begin": _ms(execution.created_at),
        "end": _ms(end),
        "live": execution.ended_at is None,
        "rows": [*_stages(page), *_links(page), *_ticks(page)],
        "marks": list(_marks(page)),
    }


def _stages(page: PageData) -> Iterator[Row]:
    live = {stage.position: stage for stage in page.progress.stages}
    for run in page.stage_runs:
        name = page.plan.stage(run.position).name
        yield {
            "label": f"{run.position} {name}",
            "bars": list(_stage_bars(run, live[run.position], page.plan)),
            "ticks": [],
        }


def _stage_bars(run: StageRun, live: StageProgress, plan: Plan) -> Iterator[Row]:
    status = run.get_status_display()
    if run.prepared_at and run.status != RunStatus.SKIPPED:
        yield _bar(run.prepared_at, run.release_at or run.ended_at, "idle", _("preparation"))
    if run.release_at:
        played_until = run.agents_ended_at or run.ended_at
        yield _bar(run.release_at, played_until, tone(run.status), status)
        if run.agents_ended_at:
            yield _bar(run.agents_ended_at, run.ended_at, "soft", _("recordings are stored"))
    elif run.status in {RunStatus.PENDING, RunStatus.PREPARING} and live.expected_end:
        seconds = planned_seconds(plan.stage(run.position)) or 0
        begin = live.expected_end - timedelta(seconds=seconds)
        yield _bar(begin, live.expected_end, "planned", _("expected"))


def _links(page: PageData) -> Iterator[Row]:
    outages = page.progress.outages
    if outages:
        bars = [_outage(outage) for outage in outages[:MAX_TICKS]]
        yield {"label": _("Connection"), "bars": bars, "ticks": []}


def _outage(outage: Outage) -> Row:
    values = {"stage": outage.stage, "messages": outage.messages}
    title = _("stage %(stage)d: connection lost, messages that may be lost: %(messages)d") % values
    return _bar(outage.began_at, outage.ended_at, "bad", title)


def _ticks(page: PageData) -> Iterator[Row]:
    events = page.execution.events.filter(kind__in=_SHOWN_KINDS).order_by("-sequence")
    rows = list(events[:MAX_TICKS])
    for label, kinds in (
        (_("Units"), _UNIT_KINDS),
        (_("Recordings"), [EventKind.RECORDING_STATUS]),
    ):
        ticks = [_tick(event) for event in rows if event.kind in kinds]
        if ticks:
            yield {"label": label, "bars": [], "ticks": ticks}


def _tick(event: Event) -> Row:
    return {"at": _ms(event.time), "tone": event_tone(event), "title": event_sentence(event)}


def _marks(page: PageData) -> Iterator[Row]:
    releases = {run.release_at for run in page.stage_runs if run.release_at}
    for at in sorted(releases):
        yield {"at": _ms(at), "label": _("start"), "tone": "ok"}
    if page.execution.stop_asked_at:
        yield {"at": _ms(page.execution.stop_asked_at), "label": _("stop"), "tone": "bad"}
    if page.execution.ended_at:
        yield {"at": _ms(page.execution.ended_at), "label": _("end"), "tone": "idle"}


def _bar(begin: datetime, end: datetime | None, bar_tone: str, title: str) -> Row:
    return {"from": _ms(begin), "to": _ms(end), "tone": bar_tone, "title": title}


def _ms(moment: datetime | None) -> float | None:
    return None if moment is None else round(moment.timestamp() * 1000)
