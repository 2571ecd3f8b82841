"""The stages with their progress and figures."""

from typing import Any

from common.admin.actions import admin_url
from common.admin.numbers import number
from common.admin.times import span
from simulations.admin.executions.page_data import PageData
from simulations.admin.executions.summary import agent_counts, requested_text, used_text
from simulations.admin.formatting import list_url, microseconds, tone
from simulations.choices import ENDED
from simulations.models import StageRun
from simulations.services.progress.agent_states import StageStates
from simulations.services.progress.progress import StageProgress


def context(data: PageData) -> dict[str, Any]:
    live = {stage.position: stage for stage in data.progress.stages}
    states = {stage.position: stage for stage in data.stages}
    return {
        "stages": [
            _row(data, run, live[run.position], states[run.position]) for run in data.stage_runs
        ],
        "all": list_url("stagerun", execution=data.execution.pk),
    }


def _row(data: PageData, run: StageRun, live: StageProgress, states: StageStates) -> dict[str, Any]:
    return {
        "run": run,
        "plan": data.plan.stage(run.position),
        "url": admin_url(run),
        "tone": tone(run.status),
        "percent": round(live.percent),
        "agents": agent_counts(live.agents),
        "planned": number(live.planned_agents),
        "messages": number(live.messages_published),
        "undelivered": number(live.messages_undelivered) if live.messages_undelivered else "",
        "lateness": microseconds(max(states.lateness_us, default=None)),
        "skew": microseconds(max(map(abs, states.skew_us), default=None)),
        "duration": span((run.ended_at - run.release_at).total_seconds())
        if run.release_at and run.ended_at
        else "",
        "resources": used_text(live, ended=run.status in ENDED),
        "requested": requested_text(live),
        "late": states.late,
        "agents_url": list_url("agentrun", stage_run=run.pk, execution=data.execution.pk),
    }
