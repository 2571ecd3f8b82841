"""Figures of runs for those who watch the system: five queries for any number of runs, and a look at Redis.

Ages are told as the instants they count from: figures are kept for some seconds, and an age goes on.
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

RECENT = timedelta(hours=1)
MOST_RECENT = 1000
"""Executions that quantiles are taken of, the newest of the last hour."""
RECORDED = timedelta(days=1)
QUANTILES = (0.5, 0.9, 0.99, 1.0)


class QueueVitals(msgspec.Struct, frozen=True):
    """Background tasks of one kind in one state, and since when the oldest is in it."""

    task: str
    status: str
    count: int
    since: float


class RunVitals(msgspec.Struct, frozen=True, kw_only=True):
    """What runs, what ran, and what waits; instants are seconds since the epoch, all spans seconds."""

    executions: list[tuple[str, str, int]]
    """Status, failure code, how many."""
    agents: dict[str, int]
    """Agents whose unit has registered and that have not ended, by status."""
    units: int
    """Units that hold at least one of those."""
    tasks: list[QueueVitals]
    recordings: dict[str, int]
    """Of executions that run or were asked for in the last day, by status."""
    recent: int
    start_latency: dict[float, float]
    """From the request of a start to the common release, by quantile over recent executions."""
    lateness: dict[float, float]
    """Of the worst agent of each (its own p99)."""
    start_skew: dict[float, float]


class LiveVitals(msgspec.Struct, frozen=True, kw_only=True):
    """What only Redis knows."""

    controller_at: float | None
    """When a controller passed last; None: not within a day."""
    backup_at: float | None
    """When the last whole backup was made; None: none is known."""
    heard_at: float | None
    """When the unit that is silent for longest was heard; None: no unit lives."""
    received: int
    lost: int
    """Snapshots of units that run, by their newest attempt."""


LiveUnits = dict[int, dict[tuple[int, int], float]]
"""By execution, stage run and unit: when its newest attempt registered."""


def run_vitals() -> tuple[RunVitals, LiveUnits]:
    """Ask the database."""
    counts, alive = _agents()
    recent = _recent()
    vitals = RunVitals(
        executions=_executions(),
        agents=counts,
        units=sum(map(len, alive.values())),
        tasks=_tasks(),
        recordings=_recordings(),
        recent=len(recent),
        start_latency=quantiles((started - asked).total_seconds() for asked, started, *_ in recent),
        lateness=_micro(late for _asked, _started, late, _skew in recent),
        start_skew=_micro(skew for _asked, _started, _late, skew in recent),
    )
    return vitals, alive


def live_vitals(alive: LiveUnits) -> LiveVitals:
    """Ask Redis about these units. Raises LiveAwayError."""
    heard = heartbeats.heartbeats(alive)
    # Who registered a moment ago has not spoken yet, and silence counts from where it could be heard.
    since = silence.counted_since() if alive else 0.0
    ats = [
        max(since, registered, heard[pk].at.get(unit, 0.0))
        for pk, units in alive.items()
        for unit, registered in units.items()
    ]
    return LiveVitals(
        controller_at=system.last_controller_pass(),
        backup_at=system.last_backup(),
        heard_at=min(ats, default=None),
        received=sum(each.received for each in heard.values()),
        lost=sum(each.lost for each in heard.values()),
    )


def quantiles(values: Iterable[float]) -> dict[float, float]:
    """Nearest-rank quantiles; empty where there are no values."""
    found = sorted(values)
    last = len(found) - 1
    return {q: found[round(q * last)] for q in QUANTILES} if found else {}


def _micro(values: Iterable[Any]) -> dict[float, float]:
    return quantiles(float(value) / 1e6 for value in values if value is not None)


def _executions() -> list[tuple[str, str, int]]:
    rows = Execution.objects.order_by().values_list("status", "failure_code")
    return list(rows.annotate(Count("pk")))


def _agents() -> tuple[dict[str, int], LiveUnits]:
    """Agents by status, and the units that hold them, in one query."""
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
    alive: LiveUnits = defaultdict(dict)
    for execution, stage_run, unit, status, agents, registered in rows:
        counts[status] += agents
        alive[execution][stage_run, unit] = registered.timestamp()
    return dict(counts), dict(alive)


def _tasks() -> list[QueueVitals]:
    """What waits and what runs; nothing of ours asks for a task that is to wait for later."""
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
        QueueVitals(
            path.rpartition(".")[2], str(status).lower(), count, min(since, now).timestamp()
        )
        for path, status, count, since in rows
    ]


def _recordings() -> dict[str, int]:
    lately = Q(stage_run__execution__created_at__gte=timezone.now() - RECORDED)
    runs = Q(stage_run__execution__status__in=ACTIVE)
    rows = Recording.objects.filter(lately | runs).order_by().values_list("status")
    return dict(rows.annotate(Count("pk")))


def _recent() -> list[tuple[datetime, datetime, str | None, str | None]]:
    """Of executions that were released lately: asked, released, lateness and skew of the worst agent (µs)."""
    rows = Execution.objects.filter(
        created_at__gte=timezone.now() - RECENT, started_at__isnull=False
    ).order_by("-created_at")
    return list(
        rows.values_list(
            "created_at",
            "started_at",
            KT("outcome__figures__lateness_us_p99"),
            KT("outcome__figures__start_skew_us_max"),
        )[:MOST_RECENT]
    )
