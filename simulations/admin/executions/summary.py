"""The progress in numbers, which the page's script updates each second, and what it waits for."""

from collections.abc import Iterable
from typing import Any

import msgspec
from django.utils import timezone
from django.utils.translation import gettext as _

from common.admin.numbers import number, size
from common.admin.times import span
from simulations.admin.executions.page_data import PageData
from simulations.admin.executions.waiting import waiting_for
from simulations.admin.formatting import microseconds, tone
from simulations.choices import ACTIVE, AgentStatus, DataStatus, RecordingStatus
from simulations.models import Execution
from simulations.services.progress.resources import ResourceTotals


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
        "resources": used_text(progress, ended=execution.ended),
        "requested": requested_text(progress),
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
        "partial": counts.get(RecordingStatus.PARTIAL, 0),
        "missing": counts.get(RecordingStatus.LOST, 0),
    }


def requested_text(totals: ResourceTotals) -> str:
    """CPU and memory that a cluster reserves for the units; empty on a backend that reserves none."""
    cores, memory = totals.cpu_cores_requested, totals.memory_requested_bytes
    if cores is None or memory is None:
        return ""
    words = {"cores": number(cores, 2), "memory": size(memory)}
    return _("requested: %(cores)s cores, %(memory)s") % words


def used_text(totals: ResourceTotals, *, ended: bool) -> str:
    """CPU and memory of units now; of ended ones all CPU time and the peaks."""
    cpu, memory = totals.cpu_cores, totals.memory_bytes
    if ended:
        cpu, memory = totals.cpu_seconds, totals.memory_peak_bytes
    if cpu is None or memory is None:
        return ""
    if ended:
        return _("%(time)s, at most %(memory)s") % {"time": span(cpu), "memory": size(memory)}
    return _("%(cores)s cores, %(memory)s") % {"cores": number(cpu, 2), "memory": size(memory)}


def _elapsed(execution: Execution) -> float:
    return ((execution.ended_at or timezone.now()) - execution.created_at).total_seconds()


def _data_tone(execution: Execution) -> str:
    return tone(execution.data_status) if execution.data_status != DataStatus.PENDING else "idle"
