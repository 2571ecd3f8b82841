"""Active executions with their progress, and their agents by state."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from simulations.choices import RunStatus
from simulations.models import Execution, StageRun
from simulations.services.progress.bulk import progress_of_all
from simulations.services.progress.calculation import Progress

BACKEND_PATIENCE = timedelta(seconds=15)
"""Time that a stage may be without units before the backend counts as not answering."""


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


def without_units() -> QuerySet[StageRun]:
    """Stage runs whose units the backend should have started by now."""
    overdue = timezone.now() - BACKEND_PATIENCE
    return StageRun.objects.filter(
        execution__status=RunStatus.PREPARING,
        status=RunStatus.PREPARING,
        handle="",
        prepared_at__lt=overdue,
    )


def failed(limit: int) -> list[Execution]:
    """The executions that failed last, newest first."""
    rows = Execution.objects.filter(status=RunStatus.FAILED).select_related("simulation")
    return list(rows.defer("plan", "outcome").order_by("-pk")[:limit])
