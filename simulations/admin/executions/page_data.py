"""Rows and live values of one execution, each read once and only if a panel of its page shows it."""

from functools import cached_property

from django.db.models import Count, prefetch_related_objects
from django.http import HttpRequest

from simulations.choices import RecordingStatus
from simulations.models import Execution, Recording, StageRun
from simulations.services.plan import Plan, plan_of
from simulations.services.progress.agent_states import StageStates, stage_states
from simulations.services.progress.progress import Progress, progress_of


class PageData:
    """One execution as its panels show it; the number of queries is constant."""

    def __init__(self, execution: Execution, request: HttpRequest) -> None:
        self.execution = execution
        self.request = request
        # The progress needs the same rows as the panels: they are read once.
        prefetch_related_objects([execution], "stage_runs")

    @cached_property
    def plan(self) -> Plan:
        return plan_of(self.execution)

    @cached_property
    def progress(self) -> Progress:
        return progress_of(self.execution)

    @cached_property
    def stage_runs(self) -> list[StageRun]:
        return sorted(self.execution.stage_runs.all(), key=lambda run: run.position)

    @cached_property
    def stages(self) -> list[StageStates]:
        """The agents of each stage."""
        runs = [(run.pk, run.position) for run in self.stage_runs]
        return stage_states(self.execution, self.plan, runs)

    @cached_property
    def recordings(self) -> dict[str, int]:
        """Number of recordings of the newest attempts by status."""
        rows = Recording.objects.filter(stage_run__execution=self.execution).newest()
        counted = rows.order_by().values_list("status").annotate(Count("pk"))
        return {RecordingStatus(status): count for status, count in counted}
