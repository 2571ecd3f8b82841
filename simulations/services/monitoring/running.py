"""Active executions with their progress, and their agents by state."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from simulations.choices import ACTIVE, EventKind, FailureCode, RunStatus
from simulations.models import Event, Execution, StageRun
from simulations.services.progress.bulk import progress_of_all
from simulations.services.progress.calculation import Progress

MAX_WAITING = 100
"""Stage runs with waiting units that are read."""


@dataclass(frozen=True)
class Running:
    """The newest active executions, and the progress of those of which it is known.

    It is unknown of all while Redis does not answer.
    """

    executions: list[Execution]
    progress: dict[int, Progress]
    active: int
    """Number of all active executions."""

    @property
    def agents(self) -> Counter[str]:
        """Their agents, by state."""
        counts: Counter[str] = Counter()
        for progress in self.progress.values():
            counts.update(progress.agents)
        return counts

    @property
    def complete(self) -> bool:
        """Return True when the agents of all active executions are counted."""
        return len(self.progress) == self.active


def running(limit: int, *, live: bool = True) -> Running:
    """Read active executions.

    Args:
        limit: Most executions to return.
        live: False leaves the progress out, which is in Redis: it may take seconds not to answer.
    """
    active = Execution.objects.active()
    rows = active.select_related("simulation").defer("plan", "outcome").order_by("-pk")
    executions = list(rows[: limit + 1])
    number = len(executions) if len(executions) <= limit else active.count()
    shown = executions[:limit]
    return Running(shown, progress_of_all(shown) if live else {}, number)


def waiting() -> StageRun | None:
    """A stage run whose units wait; one whose backend does not answer comes first."""
    rows = StageRun.objects.filter(execution__status__in=ACTIVE, waiting__isnull=False)
    away = FailureCode.BACKEND_UNAVAILABLE
    return min(
        rows.order_by("pk")[:MAX_WAITING],
        key=lambda run: (run.waiting or {}).get("code") != away,
        default=None,
    )


def waiting_since(stage_run: StageRun) -> datetime | None:
    """Time since which the units of a stage run wait for this reason."""
    events = Event.objects.filter(execution=stage_run.execution_id, kind=EventKind.STAGE_WAITING)
    rows = events.filter(payload__position=stage_run.position).order_by("-sequence")
    return rows.values_list("time", flat=True).first()


def failed(limit: int) -> list[Execution]:
    """The executions that failed last, newest first."""
    rows = Execution.objects.filter(status=RunStatus.FAILED).select_related("simulation")
    return list(rows.defer("plan", "outcome").order_by("-pk")[:limit])
