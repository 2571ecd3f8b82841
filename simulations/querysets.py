"""Questions that are asked of simulations in more than one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

from simulations.choices import ACTIVE

if TYPE_CHECKING:
    from simulations.models.execution import Execution  # noqa: F401  (names the generic below)
    from simulations.models.simulation import Simulation  # noqa: F401


class SimulationQuerySet(models.QuerySet["Simulation"]):
    """Simulations by state."""

    def living(self) -> SimulationQuerySet:
        """Those that nobody has deleted."""
        return self.filter(deleted_at=None)


class ExecutionQuerySet(models.QuerySet["Execution"]):
    """Executions by state."""

    def active(self) -> ExecutionQuerySet:
        """Those that have not ended."""
        return self.filter(status__in=ACTIVE)
