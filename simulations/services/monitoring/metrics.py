"""Statistics of runs for monitoring: five queries for any number of runs, and one call of Redis.

They contain times instead of ages, as they are cached for some seconds.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db.models import Count, Max, Min, Q
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce
from django.utils import timezone
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from simulations.choices import ACTIVE, AGENT_ENDED, PLAYING
from simulations.live import heartbeats, silence, system
from simulations.models import AgentRun, Execution, Recording
from simulations.services.runs import backend_states

RECENT = timedelta(hours=1)
MAX_RECENT = 1000
"""Executions of the last hour that quantiles are calculated from, the newest ones."""
RECORDINGS_SINCE = timedelta(days=1)
QUANTILES = (0.5, 0.9, 0.99, 1.0)


class TaskStatistics(msgspec.Struct, frozen=True):
    """Background tasks of one kind and status, and the time since which the oldest has it."""

    task: str
    status: str
    count: int
    since: float


class RunStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """Statistics of the database; times are seconds since the epoch, durations seconds."""

    executions: list[tuple[str, str, int]]
    """Status, failure code, number."""
    agents: dict[str, int]
    """Registered agents that have not ended, by status."""
    units: int
    """Units with at least one of those agents."""
    tasks: list[TaskStatistics]
    recordings: dict[str, int]
    """Recordings of executions that are active or were requested in the last day, by status."""
    recent: int
    start_latency: dict[float, float]
    """Time from the request of a start to the release, by quantile over recent executions."""
    lateness: dict[float, float]
    """The p99 of the worst agent of each execution."""
    start_skew: dict[float, float]
    undelivered: int = 0
    """Messages of recent executions that may not have arrived."""


class LiveStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """Statistics of Redis."""

    controller_at: float | None
    """Time of the last pass of a controller; None: not within a day."""
    backup_at: float | None
    """Time of the last complete backup, if it is known."""
    oldest_heartbeat_at: float | None = msgspec.field(name="heard_at")
    """The oldest of the units' last heartbeats; None without active units."""
    received: int
    lost: int
    """Snapshots of the newest attempts of active units."""
    backend: bool | None = None
    """A controller is in step with the backend; None: no controller reports one."""


ActiveUnits = dict[int, dict[tuple[int, int], float]]
"""Registration time of the newest attempt, by execution, stage run and unit."""


def run_statistics() -> tuple[RunStatistics, ActiveUnits]:
    """Read the statistics of the database, and the active units."""
    counts, units = _agents()
    recent = _recent()
    statistics = RunStatistics(
        executions=_executions(),
        agents=counts,
        units=sum(map(len, units.values())),
        tasks=open_tasks(),
        recordings=_recordings(),
        recent=len(recent),
        start_latency=quantiles(
            (started - requested).total_seconds() for requested, started, *_ in recent
        ),
        lateness=_quantiles_in_seconds(row[2] for row in recent),
        start_skew=_quantiles_in_seconds(row[3] for row in recent),
        undelivered=sum(int(row[4] or 0) for row in recent),
    )
    return statistics, units


def live_statistics(active: ActiveUnits) -> LiveStatistics:
    """Read the statistics of Redis about the active units.

    Raises:
        RedisUnreachableError: Redis does not answer.
    """
    by_execution = heartbeats.heartbeats(active)
    # New units have not sent a heartbeat yet, and silence counts only while heartbeats are received.
    since = silence.heard_since() or 0.0
    backends = backend_states.read().values()
    times = [
        max(since, registered, by_execution[pk].at.get(unit, 0.0))
        for pk, units in active.items()
        for unit, registered in units.items()
    ]
    return LiveStatistics(
        controller_at=system.last_controller_pass(),
        backup_at=system.last_backup(),
        oldest_heartbeat_at=min(times, default=None),
        received=sum(beats.received for beats in by_execution.values()),
        lost=sum(beats.lost for beats in by_execution.values()),
        backend=any(not state.problem for state in backends) if backends else None,
    )


def quantiles(values: Iterable[float]) -> dict[float, float]:
    """Nearest-rank quantiles; empty without values."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return {q: ordered[round(q * last)] for q in QUANTILES} if ordered else {}


def _quantiles_in_seconds(values: Iterable[Any]) -> dict[float, float]:
    return quantiles(float(value) / 1e6 for value in values if value is not None)


def _executions() -> list[tuple[str, str, int]]:
    rows = Execution.objects.order_by().values_list("status", "failure_code")
    return list(rows.annotate(Count("pk")))


def _agents() -> tuple[dict[str, int], ActiveUnits]:
    """Agents by status, and their units, in one query."""
    rows = (
        AgentRun.objects.filter(
            stage_run__execution__status__in=ACTIVE, stage_run__status__in=PLAYING
        )
        .exclude(status__in=AGENT_ENDED)
        .order_by()
        .values_list("stage_run__execution", "stage_run", "unit", "status")
        .annotate(Count("pk"), Max("created_at"))
    )
    counts: Counter[str] = Counter()
    units: ActiveUnits = defaultdict(dict)
    for execution, stage_run, unit, status, agents, registered in rows:
        counts[status] += agents
        units[execution][stage_run, unit] = registered.timestamp()
    return dict(counts), dict(units)


def open_tasks() -> list[TaskStatistics]:
    """Waiting and running tasks; no task is ever enqueued for a later time."""
    now = timezone.now()
    waiting = Q(status=TaskResultStatus.READY)
    running = Q(status=TaskResultStatus.RUNNING)
    rows = (
        DBTaskResult.objects.filter(waiting | running)
        .order_by()
        .values_list("task_path", "status")
        .annotate(Count("pk"), since=Min(Coalesce("started_at", "enqueued_at")))
    )
    return [
        TaskStatistics(
            path.rpartition(".")[2], str(status).lower(), count, min(since, now).timestamp()
        )
        for path, status, count, since in rows
    ]


def _recordings() -> dict[str, int]:
    recent = Q(stage_run__execution__created_at__gte=timezone.now() - RECORDINGS_SINCE)
    active = Q(stage_run__execution__status__in=ACTIVE)
    rows = Recording.objects.filter(recent | active).order_by().values_list("status")
    return dict(rows.annotate(Count("pk")))


def _recent() -> list[tuple[datetime, datetime, str | None, str | None, str | None]]:
    """Recent executions: request, release, lateness and skew of the worst agent (µs), undelivered."""
    rows = Execution.objects.filter(
        created_at__gte=timezone.now() - RECENT, started_at__isnull=False
    ).order_by("-created_at")
    return list(
        rows.values_list(
            "created_at",
            "started_at",
            KT("outcome__figures__lateness_us_p99"),
            KT("outcome__figures__start_skew_us_max"),
            KT("outcome__figures__messages_undelivered"),
        )[:MAX_RECENT]
    )
