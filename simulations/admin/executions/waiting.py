"""Sentence on the thing that an execution waits for at the moment."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _

from common.admin.numbers import number
from common.admin.times import moment
from simulations.admin.executions.page_data import PageData
from simulations.choices import RECORDING_OPEN, AgentStatus, FailureCode, Pattern, RunStatus
from simulations.exceptions import RedisUnreachableError
from simulations.live.system import last_controller_pass
from simulations.services.progress.progress import StageProgress, waiting_texts

CONTROLLER_SECONDS = 15
"""A controller that has made no pass for this long is not running."""
_NOT_READY = (AgentStatus.PENDING, AgentStatus.STARTING)


def waiting_for(data: PageData) -> str:
    """Say what the execution waits for; empty while agents play and after its end."""
    sentence = _SENTENCES.get(RunStatus(data.execution.status))
    sentences = [sentence(data) if sentence else "", *_waiting_units(data)]
    return format_html_join(" ", "{}", ((text,) for text in sentences if text))


def _waiting_units(data: PageData) -> Iterator[str]:
    """Say why units do not run; the stages may all have the same cause."""
    rows = waiting_texts(data.progress)
    for code, text in dict.fromkeys((row["code"], row["text"]) for row in rows):
        if code != FailureCode.BACKEND_UNAVAILABLE:  # else nothing is known of them
            units = sum(row["units"] for row in rows if row["text"] == text)
            yield _("Units that do not run yet: %(units)s.") % {"units": number(units)}
        yield text


def _pending(_data: PageData) -> str:
    if _controller_runs():
        return _("The controller takes it up within a few seconds.")
    return _("No controller is running: nothing starts until one is (manage.py run_controller).")


def _controller_runs() -> bool:
    try:
        last = last_controller_pass()
    except RedisUnreachableError:
        return True  # not known
    return last is not None and timezone.now().timestamp() - last < CONTROLLER_SECONDS


def _preparing(data: PageData) -> str:
    """Count the agents that the release waits for."""
    preparing = {run.position for run in data.stage_runs if run.status == RunStatus.PREPARING}
    stages = [stage for stage in data.progress.stages if stage.position in preparing]
    missing = _count(stages, *_NOT_READY)
    total = sum(stage.planned_agents for stage in stages)
    if not stages or not total:
        return _("Its first agents are being started.")
    if not missing:
        return _("All agents are ready: the common start follows in a few seconds.")
    values = {
        "ready": number(total - missing),
        "total": number(total),
        "starting": number(_count(stages, AgentStatus.STARTING)),
        "pending": number(_count(stages, AgentStatus.PENDING)),
    }
    message = _(
        "%(ready)s of %(total)s agents are ready for the common start; %(starting)s are fetching their "
        "rosbag and connecting, %(pending)s have not reported yet."
    )
    return " ".join([message % values, *_required_topics(data, preparing)])


def _required_topics(data: PageData, positions: set[int]) -> Iterator[str]:
    """Name the topics without whose subscribers agents are not ready."""
    stages = [data.plan.stage(position) for position in sorted(positions)]
    topics = [t.published_name for stage in stages for t in stage.topics if t.subscriber_required]
    if topics:
        names = ", ".join(dict.fromkeys(topics))
        yield _("Agents are ready only once somebody subscribes to %(topics)s.") % {"topics": names}


def _between_stages(data: PageData) -> str:
    """Say when the next stage begins; a stage that is being prepared waits for its agents."""
    statuses = {run.status for run in data.stage_runs}
    if RunStatus.RUNNING in statuses or RunStatus.FINALIZING in statuses:
        return ""
    if RunStatus.PREPARING in statuses:
        return _preparing(data)
    return _next_stage(data)


def _next_stage(data: PageData) -> str:
    ends = {run.position: run.ended_at for run in data.stage_runs if run.ended_at is not None}
    waiting = [run for run in data.stage_runs if run.status == RunStatus.PENDING]
    if data.plan.pattern == Pattern.PARALLEL or not (ends and waiting):
        return ""
    last = max(ends)
    begin = ends[last] + timedelta(seconds=data.plan.stage(last).delay_after)
    name = data.plan.stage(waiting[0].position).name
    message = _("Stage {position}, {name}, is prepared after a pause: {time}.")
    return format_html(message, position=waiting[0].position, name=name, time=moment(begin))


def _stopping(data: PageData) -> str:
    agents = data.progress.agents
    active = (AgentStatus.STARTING, AgentStatus.READY, AgentStatus.RUNNING, AgentStatus.UPLOADING)
    left = sum(agents.get(status, 0) for status in active)
    if not left:
        return _("All agents have stopped; recordings are being checked.")
    return _("Agents that have not stopped or are storing recordings: %(count)d.") % {"count": left}


def _finalizing(data: PageData) -> str:
    left = sum(data.recordings.get(status, 0) for status in RECORDING_OPEN)
    if not left:
        return _("All agents have ended; results are being written.")
    return _("All agents have ended; recordings still to be stored or checked: %(count)d.") % {
        "count": left
    }


def _count(stages: list[StageProgress], *statuses: AgentStatus) -> int:
    return sum(stage.agents.get(status, 0) for stage in stages for status in statuses)


_SENTENCES: dict[RunStatus, Callable[[PageData], str]] = {
    RunStatus.PENDING: _pending,
    RunStatus.PREPARING: _preparing,
    RunStatus.RUNNING: _between_stages,
    RunStatus.STOPPING: _stopping,
    RunStatus.FINALIZING: _finalizing,
}
