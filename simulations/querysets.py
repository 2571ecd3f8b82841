"""Query sets of simulations, executions and agent runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from common.db.soft_delete import SoftDeleteQuerySet
from simulations.choices import ACTIVE, AGENT_ENDED

if TYPE_CHECKING:
    from simulations.models.execution import AgentRun, Execution  # noqa: F401  (names the generics)
    from simulations.models.simulation import Simulation  # noqa: F401


class SimulationQuerySet(SoftDeleteQuerySet["Simulation"]):
    """Simulations by soft deletion."""


class ExecutionQuerySet(models.QuerySet["Execution"]):
    """Executions by status."""

    def active(self) -> ExecutionQuerySet:
        """Return those that have not ended."""
        return self.filter(status__in=ACTIVE)


class AgentRunQuerySet(models.QuerySet["AgentRun"]):
    """Attempts of agents."""

    def unfinished(self) -> AgentRunQuerySet:
        """Return those that have not ended."""
        return self.exclude(status__in=AGENT_ENDED)

    def begun(self) -> AgentRunQuerySet:
        """Return those that have begun to play: their start was measured."""
        return self.filter(start_skew_us__isnull=False)

    def newest(self, *fields: str) -> dict[int, tuple[Any, ...]]:
        """Return fields of the newest attempt of each agent, by agent number."""
        rows = self.order_by("attempt").values_list("number", *fields)
        return {number: tuple(values) for number, *values in rows}
