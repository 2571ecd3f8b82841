"""Questions that are asked of simulations in more than one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

from common.db.soft_delete import SoftDeleteQuerySet
from simulations.choices import ACTIVE

if TYPE_CHECKING:
    from simulations.models.execution import Execution  # noqa: F401  (names the generic below)
    from simulations.models.simulation import Simulation  # noqa: F401


class SimulationQuerySet(SoftDeleteQuerySet["Simulation"]):
    """Simulations by state."""


class ExecutionQuerySet(models.QuerySet["Execution"]):
    """Executions by state."""

    def active(self) -> ExecutionQuerySet:
        """Those that have not ended."""
        return self.filter(status__in=ACTIVE)
