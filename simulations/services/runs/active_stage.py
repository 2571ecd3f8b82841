"""A stage run with its plan and backend."""

from dataclasses import dataclass
from functools import cached_property

from django.conf import settings

from simulations.backends import backend
from simulations.backends.base import Backend, Job
from simulations.models import StageRun
from simulations.services.plan import Plan, PlanStage
from simulations.services.progress.calculation import planned_seconds
from simulations.services.runs.tokens import token_for

OVERTIME_SECONDS = 30.0
"""Time that an agent may continue after its execution time before it is killed."""
MARGIN_SECONDS = 3600.0
"""Time for outages, for which units wait; the limit of a job only ends what no controller ends."""


@dataclass(eq=False)
class ActiveStage:
    """A stage run with its plan; its job, with the token of its units, is created once."""

    stage_run: StageRun
    plan: Plan

    @cached_property
    def stage(self) -> PlanStage:
        """The stage in the plan."""
        return self.plan.stage(self.stage_run.position)

    @cached_property
    def backend(self) -> Backend:
        """The backend of its units."""
        return backend(self.plan.backend)

    @cached_property
    def job(self) -> Job:
        """The stage run as the backend knows it."""
        return Job(
            execution=self.stage_run.execution_id,
            stage_run=self.stage_run.pk,
            units=self.stage_run.units,
            retries=self.stage.retries,
            token=token_for(self.stage_run.execution_id),
            server=settings.SERVER_URL + settings.API_STR,
            image=self.plan.image,
            resources=self.stage.resources,
            placement=self.plan.placement,
            secret=self.plan.link.secret,
            requested=self.stage_run.execution.created_at.isoformat(),
            max_seconds=self._max_seconds,
        )

    @property
    def _max_seconds(self) -> float | None:
        """Time that units may need from their launch on, in all attempts; None: no limit is known."""
        playing = self.stage.execution_time or planned_seconds(self.stage)
        if playing is None:
            return None
        # Stages that start together wait for the slowest.
        matching = max(stage.seconds_to_match for stage in self.plan.stages)
        preparing = settings.STRAGGLER_LIMIT_SECONDS + matching + settings.RELEASE_LEAD_SECONDS
        attempt = preparing + playing + OVERTIME_SECONDS + settings.UPLOAD_LIMIT_SECONDS
        return attempt * (self.stage.retries + 1) + MARGIN_SECONDS

    def remove_leftovers(self) -> int:
        """Remove what its ended units have left at their backend, and return the number.

        Where only controllers may, nothing: they remove it by themselves.
        """
        return 0 if self.backend.controller_only else self.backend.remove(self.job)
