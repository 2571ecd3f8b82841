"""The summary beside the form of a quick run: its rosbag, and what would refuse the start."""

from dataclasses import dataclass

from simulations.admin.designs.gantt import chart
from simulations.admin.quick_run.form import QuickRunForm
from simulations.services import quick_run
from simulations.services.designs.forecast import forecast
from simulations.services.quick_run import QuickRun
from simulations.services.topics import StageTopics, stage_topics
from storage.admin.rosbags.verdict import status_badge
from storage.models import Rosbag

MAX_WARNINGS = 5


@dataclass(frozen=True)
class Summary:
    """Summary of the entered values for the page; `state` is read by its script."""

    state: str
    rosbag: Rosbag | None
    badge: str
    facts: list[tuple[str, str]]
    left_out: tuple[str, ...]
    untyped: list[str]
    warnings: list[str]
    errors: list[str]
    unpaced: bool
    is_waiting: bool


def summary_of(form: QuickRunForm, *, is_waiting: bool) -> Summary:
    """Summarize the values of a form, complete or not."""
    rosbag = form.chosen_rosbag
    facts, topics = _course(_run(form))
    warnings = rosbag.warning_sentences + rosbag.lost_sentences if rosbag else []
    return Summary(
        state=rosbag.status if rosbag else "",
        rosbag=rosbag,
        badge=status_badge(rosbag) if rosbag else "",
        facts=facts,
        left_out=topics.left_out if topics else (),
        untyped=[f"{name} ({kind})" for name, kind in topics.untyped.items()] if topics else [],
        warnings=warnings[:MAX_WARNINGS],
        errors=_errors(form),
        unpaced=form["rate"].value() in (0, "0", "0.0"),
        is_waiting=is_waiting,
    )


def _run(form: QuickRunForm) -> QuickRun | None:
    """The quick run of a form without errors."""
    if not form.is_bound:
        return form.initial_values()
    is_complete = not form.errors and "rosbag" in form.cleaned_data
    return form.quick_run() if is_complete else None


def _course(run: QuickRun | None) -> tuple[list[tuple[str, str]], StageTopics | None]:
    """Forecast of a quick run, as names with values, and its topics."""
    if run is None or run.rosbag is None or quick_run.field_errors(run):
        return [], None
    simulation, stages = quick_run.draft(run, run.rosbag)
    transport = simulation.mec.transport
    facts = chart(forecast(simulation.pattern, transport, stages)).facts
    return facts, stage_topics(stages[0].template, transport)


def _errors(form: QuickRunForm) -> list[str]:
    if not form.is_bound or form["rosbag"].value() in (None, ""):
        return []
    return [str(message) for messages in form.errors.values() for message in messages]
