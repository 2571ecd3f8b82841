"""Simulations over HTTP."""

from typing import Any

import django_filters
from django.db.models import (
    Count,
    Exists,
    IntegerField,
    OuterRef,
    QuerySet,
    Subquery,
    Sum,
)
from django.db.models.functions import Coalesce
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.api.idempotency import idempotent
from common.db.prepared import PreparedQuery
from common.rest import bulk
from common.rest.filters import IdFilter, SoftDeleteFilterSet, UserEmailFilter
from common.rest.reads.columns import Row, columns_of
from common.rest.reads.views import Reads
from simulations.api.execution_serializers import ExecutionSerializer
from simulations.api.preflight_serializers import PreflightSerializer
from simulations.api.responses import accepted
from simulations.api.serializers import (
    CloneSerializer,
    DeletionSerializer,
    OrderSerializer,
    SimulationRowSerializer,
    SimulationSerializer,
    StageSerializer,
)
from simulations.choices import ACTIVE, OPEN_DELETION, Pattern, RunStatus
from simulations.models import Deletion, Simulation, Stage
from simulations.services.designs import simulations
from simulations.services.designs.preflight import preflight
from simulations.services.maintenance import deletion
from simulations.services.runs import lifecycle


class SimulationFilter(SoftDeleteFilterSet):
    """By name, pattern, mec, template, creator and status of the latest execution."""

    name = django_filters.CharFilter(lookup_expr="icontains", label=_("Part of the name"))
    pattern = django_filters.ChoiceFilter(choices=Pattern.choices)
    mec = IdFilter(field_name="mec_id", label=_("Id of its system under test"))
    template = IdFilter(method="by_template", label=_("Id of a template that a stage uses"))
    created_by = UserEmailFilter(
        field_name="created_by__email", label=_("E-mail address of its creator")
    )
    status = django_filters.MultipleChoiceFilter(
        field_name="latest_execution__status",
        choices=RunStatus.choices,
        label=_("Status of its latest execution; may be repeated"),
    )
    running = django_filters.BooleanFilter(
        method="by_running", label=_("Whether its latest execution is active")
    )

    class Meta:
        model = Simulation
        fields: list[str] = []

    def by_template(self, rows: QuerySet[Any], _name: str, value: Any) -> QuerySet[Any]:
        return rows.filter(pk__in=Stage.objects.filter(template=value).values("simulation"))

    def by_running(self, rows: QuerySet[Any], _name: str, value: bool) -> QuerySet[Any]:  # noqa: FBT001
        runs = rows.filter(latest_execution__status__in=ACTIVE)
        return runs if value else rows.exclude(latest_execution__status__in=ACTIVE)


def annotated_simulations() -> QuerySet[Simulation]:
    """Simulations with their counts of stages and agents, and whether they are being deleted."""
    of_this = Stage.objects.filter(simulation=OuterRef("pk")).order_by().values("simulation")
    totals = of_this.annotate(stages=Count("pk"), agents=Sum("agent_count"))
    integer = IntegerField()
    return Simulation.objects.annotate(
        stage_count=Coalesce(Subquery(totals.values("stages"), output_field=integer), 0),
        agent_count=Coalesce(Subquery(totals.values("agents"), output_field=integer), 0),
        deleting=Exists(
            Deletion.objects.filter(simulation_id=OuterRef("pk"), status__in=OPEN_DELETION)
        ),
    )


class SimulationViewSet(Reads):
    """Designs of runs."""

    queryset = annotated_simulations()
    serializer_class = SimulationSerializer
    filterset_class = SimulationFilter
    search_fields = ["name", "description"]
    ordering_fields = ["id", "name", "created_at", "updated_at"]
    lookup_value_regex = "[0-9]{1,18}"
    nested = {
        "stages": PreparedQuery(
            lambda: Stage.objects.order_by("position").values(*columns_of(StageSerializer).paths),
            key="simulation",
        )
    }

    def get_serializer_class(self) -> type[SimulationRowSerializer]:
        return SimulationRowSerializer if self.action == "list" else SimulationSerializer

    @extend_schema(responses={201: SimulationSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Create a simulation with its stages, in the order in which they are listed."""
        serializer = SimulationSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = serializer.values()
        return self._created(simulations.create_simulation(created_by=request.user, **values))

    @extend_schema(responses={200: SimulationSerializer, 409: None, 422: None})
    def update(self, request: Request, **_kwargs: Any) -> Response:
        """Change a simulation; its stages are replaced by those listed."""
        return self._update(request, partial=False)

    @extend_schema(responses={200: SimulationSerializer, 409: None, 422: None})
    def partial_update(self, request: Request, **_kwargs: Any) -> Response:
        """Change some fields of a simulation; stages, where given, replace all of them."""
        return self._update(request, partial=True)

    @extend_schema(responses={202: DeletionSerializer, 409: None})
    def destroy(self, request: Request, **_kwargs: Any) -> Response:
        """Delete a simulation; it can be restored until it is purged."""
        return self._delete(self.get_object(), request, permanent=False)

    @extend_schema(request=None, responses={202: DeletionSerializer})
    @action(detail=True, methods=["post"])
    @idempotent
    def purge(self, request: Request, pk: str) -> Response:
        """Delete a simulation permanently, with its executions and recordings, deleted before or not."""
        return self._delete(get_object_or_404(Simulation, pk=pk), request, permanent=True)

    @extend_schema(request=None, responses={200: SimulationSerializer, 409: None})
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str) -> Response:
        """Restore a deleted simulation."""
        return Response(self._detail_of(deletion.restore(get_object_or_404(Simulation, pk=pk))))

    @extend_schema(request=CloneSerializer, responses={201: SimulationSerializer})
    @action(detail=True, methods=["post"])
    @idempotent
    def clone(self, request: Request, pk: str) -> Response:
        """Create a copy of a simulation."""
        serializer = CloneSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        name = serializer.validated_data["name"]
        clone = simulations.clone(self.get_object(), name=name, created_by=request.user)
        return self._created(clone)

    @extend_schema(request=OrderSerializer, responses={200: SimulationSerializer, 422: None})
    @action(detail=True, methods=["post"])
    def reorder(self, request: Request, pk: str) -> Response:
        """Reorder the stages."""
        serializer = OrderSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        order = serializer.validated_data["order"]
        return Response(self._detail_of(simulations.reorder(self.get_object(), order)))

    @extend_schema(request=None, responses={202: ExecutionSerializer})
    @action(detail=True, methods=["post"])
    @idempotent
    def start(self, request: Request, pk: str) -> Response:
        """Start an execution; `Location` has its address."""
        execution = lifecycle.start(self.get_object(), requested_by=request.user)
        return accepted(ExecutionSerializer, execution)

    @extend_schema(request=None, responses={200: PreflightSerializer})
    @action(detail=True, methods=["post"])
    def preflight(self, request: Request, pk: str) -> Response:
        """Check it as it is stored: what would refuse a start, its mec, rosbags, and the room for units.

        It takes ten seconds at most, a minute on a cluster. Nothing is started; the test of its mec is kept
        with it. A check that finds an error does not make the request one: see `ok`.
        """
        result = preflight(self.get_object(), requested_by=request.user)  # type: ignore[arg-type]
        return Response(PreflightSerializer(result).data)

    @extend_schema(request=bulk.BulkSerializer, responses=bulk.BulkAnswerSerializer)
    @action(detail=False, methods=["post"], url_path="bulk/delete", filterset_class=None)
    def bulk_delete(self, request: Request) -> Response:
        """Delete many simulations; each one succeeds or fails on its own."""
        living = Simulation.objects.living()

        def delete(simulation: Simulation) -> None:
            deletion.request(simulation, requested_by=request.user)

        return Response(
            bulk.run_action(request.data, lambda ids: living.filter(pk__in=ids), delete)
        )

    def _delete(self, simulation: Simulation, request: Request, *, permanent: bool) -> Response:
        row = deletion.request(simulation, permanent=permanent, requested_by=request.user)
        return accepted(DeletionSerializer, row)

    def _update(self, request: Request, *, partial: bool) -> Response:
        simulation = self.get_object()
        serializer = SimulationSerializer(simulation, data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        simulation = simulations.update_simulation(simulation, **serializer.values())
        return Response(self._detail_of(simulation))

    def _created(self, simulation: Simulation) -> Response:
        location = reverse("simulation-detail", args=[simulation.pk])
        return Response(self._detail_of(simulation), status=201, headers={"Location": location})

    def _detail_of(self, simulation: Simulation) -> Row:
        # The instance still has the stages of before the change.
        return self.detail_of(annotated_simulations().filter(pk=simulation.pk))
