"""The result of an execution in a terminal."""

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from simulations.choices import RecordingStatus
from simulations.failures import (
    failure_text,
    recording_name,
    recording_text,
    remedy,
    warning_texts,
)
from simulations.models import AgentRun, Execution, Recording, StageRun
from simulations.services.progress.progress import progress_of
from simulations.services.progress.results import summary
from simulations.services.progress.stage_figures import StageFigures, stage_figures
from simulations.services.progress.subscribers import subscribers_of

MAX_LOSSES = 10
"""Incomplete recordings that are named."""


def show_result(execution: Execution, console: Console) -> None:
    """Print the result of an execution and a table of its stages."""
    outcome = summary(execution)
    console.print(_title(outcome), highlight=False)
    figures = stage_figures(execution)
    table = Table(box=SIMPLE, padding=(0, 1, 0, 0))
    # A narrow terminal may cut names, but never numbers and statuses.
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column(_("Stage"), overflow="ellipsis", no_wrap=True, max_width=16)
    table.add_column(_("Status"), no_wrap=True, min_width=len("FINALIZING"))
    for heading in HEADINGS:
        table.add_column(str(heading), justify="right", no_wrap=True)
    for stage in progress_of(execution).stages:
        columns = (str(stage.position), stage.name, str(stage.status))
        table.add_row(*columns, *cells(figures, stage.position))
    console.print(table)
    console.print(_caption(outcome), highlight=False)
    for line in (*_failures(execution), *_losses(execution), *_subscriber_lines(execution)):
        console.print(line, highlight=False, markup=False)
    for warning in warning_texts(execution.warnings):
        values = {"position": warning["stage"], "warning": warning["text"]}
        line = _("Stage %(position)s: %(warning)s") % values
        console.print(line, highlight=False, markup=False)  # topics may have brackets


HEADINGS = (
    _lazy("ok"),
    _lazy("failed"),
    _lazy("Messages"),
    _lazy("p99 (µs)"),
    _lazy("Skew (µs)"),
)


def cells(figures: dict[int, StageFigures], position: int) -> list[str]:
    """Format the statistics of a stage in the order of HEADINGS."""
    stage = figures.get(position, StageFigures())
    measured = ("-" if us is None else f"{us:.0f}" for us in (stage.lateness_us, stage.skew_us))
    return [str(stage.completed), str(stage.failed), str(stage.messages), *measured]


def _failures(execution: Execution) -> Iterator[str]:
    """Say what failed and what to do: the stages, else the execution itself, and agents by code."""
    stages = list(execution.stage_runs.exclude(failure_code="").order_by("position"))
    for run in stages:
        values = {"position": run.position, "warning": _sentence(run)}
        yield _("Stage %(position)s: %(warning)s") % values
    if execution.failure_code and not stages:
        yield _sentence(execution)
    for code, number in AgentRun.objects.filter(stage_run__execution=execution).failure_counts():
        values = {"code": code, "number": number, "remedy": remedy(code)}
        yield _("%(code)s (attempts of agents: %(number)d): %(remedy)s") % values


def _sentence(row: Execution | StageRun) -> str:
    return failure_text(row.failure_code, row.failure_values, row.failure_text)


def _losses(execution: Execution) -> Iterator[str]:
    """Say which recordings are not complete, and what is lost of them."""
    incomplete = (RecordingStatus.LOST, RecordingStatus.PARTIAL)
    rows = Recording.objects.filter(stage_run__execution=execution, status__in=incomplete)
    rows = rows.newest().select_related("stage_run").defer("topics")
    for row in rows.order_by("stage_run__position", "unit", "agent")[:MAX_LOSSES]:
        values = {
            "position": row.stage_run.position,
            "name": recording_name(row.unit, row.agent, row.attempt),
            "status": row.get_status_display(),
        }
        line = _("Stage %(position)d: recording of %(name)s: %(status)s.") % values
        yield f"{line} {recording_text(row.text, row.lost_spans)}"


def _subscriber_lines(execution: Execution) -> Iterator[str]:
    """A line for each stage whose transport knows its subscribers: topics with one for all agents."""
    topics = subscribers_of(execution)
    for stage in dict.fromkeys(topic.stage for topic in topics):
        of_stage = [topic for topic in topics if topic.stage == stage]
        heard = sum(topic.agents == topic.of_agents for topic in of_stage)
        values = {"stage": stage, "heard": heard, "topics": len(of_stage)}
        yield (
            _("Stage %(stage)d: %(heard)d of %(topics)d topics had a subscriber for each agent.")
            % values
        )


def _title(outcome: dict[str, object]) -> str:
    values = {
        "id": outcome["execution"],
        "status": outcome["status"],
        "data": outcome["data_status"],
        "seconds": outcome["seconds"],
    }
    return _("Execution %(id)s: %(status)s, data %(data)s, after %(seconds)s s") % values


def _caption(outcome: dict[str, object]) -> str:
    caption = _(
        "%(agents)s agents, %(messages_published)s messages, %(recordings)s recordings; started at most "
        "%(start_skew_us_max)s µs apart from the release, late by %(lateness_us_p99)s µs (p99)"
    ) % {key: "-" if value is None else value for key, value in outcome.items()}
    if outcome["messages_undelivered"]:
        message = _("%(messages_undelivered)s messages may not have arrived.") % outcome
        caption = f"{caption}\n{message}"
    if outcome["messages_late"]:
        message = _("%(messages_late)s messages were published more than 5 ms late.") % outcome
        caption = f"{caption}\n{message}"
    return caption
