"""Executions over HTTP: read them, stop them, see their agents, events and recordings."""

from typing import Any

import django_filters
from django.db.models import Model, QuerySet
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.serializers import BaseSerializer

from accounts.api.idempotency import idempotent
from common.rest import bulk
from common.rest.filters import IdFilter, InstantFilter, PersonFilter
from common.rest.reads.views import Reads
from simulations.api.details import execution_detail
from simulations.api.run_serializers import (
    AgainSerializer,
    AgentRunSerializer,
    EventSerializer,
    ExecutionDetailSerializer,
    ExecutionSerializer,
    RecordingSerializer,
    UnitLogSerializer,
)
from simulations.api.stream import WatchActions
from simulations.choices import (
    ACTIVE,
    ENDED,
    AgentStatus,
    DataStatus,
    RecordingStatus,
    RunStatus,
)
from simulations.models import AgentRun, Event, Execution, Recording
from simulations.services.progress.progress import progress_by_id
from simulations.services.runs import lifecycle, logs


class ExecutionFilter(django_filters.FilterSet):
    """By simulation, status (several may be asked for), data, failure, who asked and when."""

    simulation = IdFilter(field_name="simulation_id", label=_("Id of its simulation"))
    status = django_filters.MultipleChoiceFilter(choices=RunStatus.choices)
    data_status = django_filters.MultipleChoiceFilter(choices=DataStatus.choices)
    active = django_filters.BooleanFilter(method="by_active", label=_("Whether it has not ended"))
    requested_by = PersonFilter(
        field_name="requested_by__email", label=_("E-mail address of who started it")
    )
    created_after = InstantFilter(field_name="created_at", lookup_expr="gte")
    created_before = InstantFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Execution
        fields = ["failure_code"]

    def by_active(self, rows: QuerySet[Any], _name: str, value: bool) -> QuerySet[Any]:  # noqa: FBT001
        return rows.filter(status__in=ACTIVE if value else ENDED)


class AgentRunFilter(django_filters.FilterSet):
    """By stage, unit and status."""

    stage = IdFilter(field_name="stage_run__position", label=_("Position of the stage"))
    unit = IdFilter(min_value=0, label=_("Number of the unit"))
    number = IdFilter(label=_("Number of the agent"))
    attempt = IdFilter(label=_("Which attempt"))
    status = django_filters.MultipleChoiceFilter(choices=AgentStatus.choices)

    class Meta:
        model = AgentRun
        fields = ["failure_code"]


class UnitFilter(django_filters.FilterSet):
    """By stage and unit."""

    stage = IdFilter(field_name="stage_run__position", label=_("Position of the stage"))
    unit = IdFilter(min_value=0, label=_("Number of the unit"))

    class Meta:
        model = AgentRun
        fields: list[str] = []


class RecordingFilter(django_filters.FilterSet):
    """By stage, unit and status."""

    stage = IdFilter(field_name="stage_run__position", label=_("Position of the stage"))
    unit = IdFilter(min_value=0, label=_("Number of the unit"))
    status = django_filters.MultipleChoiceFilter(choices=RecordingStatus.choices)

    class Meta:
        model = Recording
        fields: list[str] = []


class EventFilter(django_filters.FilterSet):
    """By kind, and what came after an event that is known already."""

    after = IdFilter(
        field_name="sequence",
        lookup_expr="gt",
        min_value=0,
        label=_("Only events after this sequence number"),
    )

    class Meta:
        model = Event
        fields = ["kind", "after"]


class ExecutionViewSet(WatchActions, Reads):
    """Runs of simulations."""

    queryset: QuerySet[Any] | None = Execution.objects.all()
    serializer_class: type[BaseSerializer[Any]] | None = ExecutionSerializer
    filterset_class: type[django_filters.FilterSet] = ExecutionFilter
    search_fields = ["simulation__name"]
    ordering = ["-id"]
    ordering_fields = ["id", "created_at"]
    lookup_value_regex = "[0-9]{1,18}"
    early = {"retrieve": execution_detail, "progress": progress_by_id}

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        if self.action == "retrieve":
            return ExecutionDetailSerializer
        return super().get_serializer_class()

    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(execution_detail(int(pk)))

    @extend_schema(request=None, responses={202: ExecutionSerializer, 409: None})
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, pk: str) -> Response:
        """Stop an execution; what was recorded is still stored."""
        execution = lifecycle.stop(self.get_object(), stopped_by=request.user)
        return Response(ExecutionSerializer(execution).data, status=202)

    @extend_schema(request=AgainSerializer, responses={202: ExecutionSerializer})
    @action(detail=True, methods=["post"])
    @idempotent
    def again(self, request: Request, pk: str) -> Response:
        """Run it again: with exactly its plan, or as its simulation is designed now."""
        asked = AgainSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        before = get_object_or_404(Execution.objects.select_related("simulation"), pk=pk)
        if asked.validated_data["plan"] == "same":
            execution = lifecycle.start_again(before, requested_by=request.user)
        else:
            execution = lifecycle.start(before.simulation, requested_by=request.user)
        place = reverse("execution-detail", args=[execution.pk])
        told = ExecutionSerializer(execution).data
        return Response(told, status=202, headers={"Location": place})

    @extend_schema(request=bulk.BulkSerializer, responses=bulk.BulkAnswerSerializer)
    @action(detail=False, methods=["post"], url_path="bulk/stop", filterset_class=None)
    def bulk_stop(self, request: Request) -> Response:
        """Stop many executions; each is stopped or refused for itself."""

        def stop(execution: Execution) -> None:
            lifecycle.stop(execution, stopped_by=request.user)

        return Response(
            bulk.each(request.data, lambda ids: Execution.objects.filter(pk__in=ids), stop)
        )

    @extend_schema(responses=UnitLogSerializer(many=True))
    @action(
        detail=True,
        queryset=AgentRun.objects.all(),
        serializer_class=UnitLogSerializer,
        filterset_class=UnitFilter,
        search_fields=None,
        ordering=["id"],
        ordering_fields=["id"],
    )
    def logs(self, request: Request, pk: str) -> Response:
        """The end of what each attempt of each unit logged."""
        execution = get_object_or_404(Execution.objects.only("id"), pk=pk)
        found = self.filter_queryset(logs.rows(execution.pk))
        page = self.paginate_queryset(found) or []
        return self.get_paginated_response(
            self.get_serializer(logs.serialize(execution.pk, page), many=True).data
        )

    @extend_schema(responses=AgentRunSerializer(many=True))
    @action(
        detail=True,
        queryset=AgentRun.objects.all(),
        serializer_class=AgentRunSerializer,
        filterset_class=AgentRunFilter,
        search_fields=["failure_text"],
        ordering=["id"],
        ordering_fields=["id"],
    )
    def agents(self, request: Request, pk: str) -> Response:
        """All attempts of all agents."""
        return self._page(pk, "stage_run__execution")

    @extend_schema(responses=RecordingSerializer(many=True))
    @action(
        detail=True,
        queryset=Recording.objects.all(),
        serializer_class=RecordingSerializer,
        filterset_class=RecordingFilter,
        search_fields=["text"],
        ordering=["id"],
        ordering_fields=["id"],
    )
    def recordings(self, request: Request, pk: str) -> Response:
        """What its units recorded, also what is missing."""
        return self._page(pk, "stage_run__execution")

    @extend_schema(responses=EventSerializer(many=True))
    @action(
        detail=True,
        queryset=Event.objects.all(),
        serializer_class=EventSerializer,
        filterset_class=EventFilter,
        search_fields=["kind"],
        ordering=["sequence"],
        ordering_fields=["sequence"],
    )
    def events(self, request: Request, pk: str) -> Response:
        """Its timeline from the beginning."""
        return self._page(pk, "execution")

    def _page(self, pk: str, path: str) -> Response:
        """One page of the parts of an execution; `path` leads from a part to it."""
        execution = get_object_or_404(Execution.objects.only("id"), pk=pk)
        parts: QuerySet[Model] = self.get_queryset().filter(**{path: execution})
        return self.page_of(self.filter_queryset(parts))
