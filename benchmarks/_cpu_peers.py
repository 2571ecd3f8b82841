"""The web server of `cpu.py`: the product, and below /peer simple implementations of the same responses.

Rights, filters, pages and all middleware are those of our own views; what differs is how rows become JSON:
`plain` by model instances, serializers and the renderer of the REST framework, `values` by the columns of
`.values()` as they come.
"""

from typing import Any

from robotsim_project.wsgi import application  # before all that needs the apps

# isort: split
import msgspec
from django.conf import settings
from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from robotsim_project.urls import urlpatterns as ours
from simulations.api.execution_serializers import ExecutionDetailSerializer, ExecutionSerializer
from simulations.api.executions import ExecutionFilter
from simulations.api.serializers import SimulationRowSerializer, SimulationSerializer
from simulations.api.simulations import SimulationFilter, annotated_simulations
from simulations.models import Execution, Stage
from simulations.services.progress.progress import progress_of

__all__ = ["application", "urlpatterns"]

SIMULATION = (
    *("id", "name", "description", "pattern", "mec", "namespace_prefix", "concurrent_executions"),
    *("deleting", "stage_count", "agent_count", "latest_execution", "latest_execution__status"),
    *("created_by__email", "created_at", "updated_at", "deleted_at"),
)
STAGE = (
    *("position", "name", "template", "agent_count", "execution_time", "repeat_count"),
    *("delay_after", "assigned_area", "retries", "min_success", "lost_messages_allowed"),
    *("continue_on_failure", "no_messages_allowed"),
)
EXECUTION = (
    *("id", "simulation", "number", "status", "data_status", "failure_code", "failure_text"),
    *(
        "warnings",
        "again_of",
        "requested_by__email",
        "stopped_by__email",
        "created_at",
        "started_at",
    ),
    *("stop_asked_at", "ended_at"),
)


class Simulations(ReadOnlyModelViewSet[Any]):
    """Simulations by instances."""

    queryset = annotated_simulations()
    filterset_class = SimulationFilter
    renderer_classes = [JSONRenderer]

    def get_queryset(self) -> Any:
        joined = super().get_queryset().select_related("created_by", "latest_execution")
        return joined if self.action == "list" else joined.prefetch_related("stages")

    def get_serializer_class(self) -> Any:
        return SimulationRowSerializer if self.action == "list" else SimulationSerializer


class Executions(ReadOnlyModelViewSet[Any]):
    """Executions by instances."""

    queryset = Execution.objects.select_related("requested_by", "stopped_by")
    filterset_class = ExecutionFilter
    renderer_classes = [JSONRenderer]

    def get_serializer_class(self) -> Any:
        return ExecutionSerializer if self.action == "list" else ExecutionDetailSerializer

    def progress(self, request: Request, pk: int) -> Response:
        return Response(msgspec.to_builtins(progress_of(self.get_object())))


class Values(ReadOnlyModelViewSet[Any]):
    """Rows as the database gives them."""

    columns: tuple[str, ...]

    def list(self, request: Request) -> Response:
        queryset = self.filter_queryset(self.get_queryset()).values(*self.columns)
        return self.get_paginated_response(self.paginate_queryset(queryset))


class SimulationValues(Values):
    """Simulations by columns."""

    queryset = annotated_simulations()
    filterset_class = SimulationFilter
    columns = SIMULATION

    def retrieve(self, request: Request, pk: int) -> Response:
        queryset = self.filter_queryset(self.get_queryset()).filter(pk=pk)
        row = get_object_or_404(queryset.values(*self.columns))
        stages = Stage.objects.filter(simulation=pk).order_by("position").values(*STAGE)
        return Response({**row, "stages": list(stages)})


class ExecutionValues(Values):
    """Executions by columns."""

    queryset = Execution.objects.all()
    filterset_class = ExecutionFilter
    columns = EXECUTION

    def retrieve(self, request: Request, pk: int) -> Response:
        execution = get_object_or_404(Execution.objects.defer("plan"), pk=pk)
        row = Execution.objects.values(*self.columns, "plan").get(pk=pk)
        return Response({**row, "progress": progress_of(execution)})


LIST, DETAIL = {"get": "list"}, {"get": "retrieve"}
VIEWS: dict[str, dict[str, type[ReadOnlyModelViewSet[Any]]]] = {
    "plain": {"simulation": Simulations, "execution": Executions},
    "values": {"simulation": SimulationValues, "execution": ExecutionValues},
}
settings.ROOT_URLCONF = __name__
# The names are those of our own addresses: the table of rights knows no others.
urlpatterns = [
    *(
        path(f"peer/{way}/{name}s{tail}", view.as_view(actions), name=f"{name}-{kind}")
        for way, views in VIEWS.items()
        for name, view in views.items()
        for tail, actions, kind in (("", LIST, "list"), ("/<int:pk>", DETAIL, "detail"))
    ),
    path(
        "peer/plain/executions/<int:pk>/progress",
        Executions.as_view({"get": "progress"}),
        name="execution-progress",
    ),
    *ours,
]
