"""Questions that are asked of simulations in more than one place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from common.db.soft_delete import SoftDeleteQuerySet
from simulations.choices import ACTIVE, AGENT_ENDED

if TYPE_CHECKING:
    from simulations.models.execution import AgentRun, Execution  # noqa: F401  (names the generics)
    from simulations.models.simulation import Simulation  # noqa: F401


class SimulationQuerySet(SoftDeleteQuerySet["Simulation"]):
    """Simulations by state."""


class ExecutionQuerySet(models.QuerySet["Execution"]):
    """Executions by state."""

    def active(self) -> ExecutionQuerySet:
        """Those that have not ended."""
        return self.filter(status__in=ACTIVE)


class AgentRunQuerySet(models.QuerySet["AgentRun"]):
    """Attempts of agents."""

    def unfinished(self) -> AgentRunQuerySet:
        """Those that have not ended."""
        return self.exclude(status__in=AGENT_ENDED)

    def newest(self, *fields: str) -> dict[int, tuple[Any, ...]]:
        """Fields of the newest attempt of each agent, by the agent's number."""
        rows = self.order_by("attempt").values_list("number", *fields)
        return {number: tuple(values) for number, *values in rows}
