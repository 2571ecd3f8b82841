"""The progress in numbers, which the page's script updates each second, and what it waits for."""

from collections.abc import Iterable
from typing import Any

import msgspec
from django.utils import timezone

from common.admin.numbers import number
from common.admin.times import span
from simulations.admin.executions.page_data import PageData
from simulations.admin.executions.waiting import waiting_for
from simulations.admin.formatting import microseconds, tone
from simulations.choices import ACTIVE, AgentStatus, DataStatus, RecordingStatus
from simulations.models import Execution


def context(data: PageData) -> dict[str, Any]:
    execution, progress = data.execution, data.progress
    return {
        "execution": execution,
        "progress": progress,
        "tone": tone(execution.status),
        "percent": round(progress.overall),
        "active": execution.status in ACTIVE,
        "waiting": waiting_for(data),
        "elapsed": span(_elapsed(execution)),
        "agents": agent_counts(progress.agents),
        "messages": number(progress.messages_published),
        "undelivered": number(progress.messages_undelivered)
        if progress.messages_undelivered
        else "",
        "lateness": microseconds(_worst(stage.lateness_us for stage in data.stages)),
        "skew": microseconds(_worst(stage.skew_us for stage in data.stages)),
        "recordings": _recordings(data),
        "data_label": execution.get_data_status_display(),
        "data_tone": _data_tone(execution),
    }


def progress(data: PageData) -> Any:
    """The progress as the stream sends it."""
    return msgspec.to_builtins(data.progress)


def agent_counts(counts: dict[str, int]) -> list[tuple[str, int, str]]:
    """Label, number and tone of each state, in the order of an agent's life."""
    return [
        (str(status.label), counts[status], tone(status))
        for status in AgentStatus
        if counts.get(status)
    ]


def _worst(values: Iterable[list[float]]) -> float | None:
    return max((abs(value) for stage in values for value in stage), default=None)


def _recordings(data: PageData) -> dict[str, int]:
    counts = data.recordings
    return {
        "total": sum(counts.values()),
        "stored": counts.get(RecordingStatus.STORED, 0),
        "missing": counts.get(RecordingStatus.LOST, 0),
    }


def _elapsed(execution: Execution) -> float:
    return ((execution.ended_at or timezone.now()) - execution.created_at).total_seconds()


def _data_tone(execution: Execution) -> str:
    return tone(execution.data_status) if execution.data_status != DataStatus.PENDING else "idle"
