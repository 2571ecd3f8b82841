"""Executions over HTTP, with their agents, logs, events and recordings."""

from collections.abc import Callable
from typing import Any

import django_filters
from django.db.models import Model, QuerySet
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts.api.idempotency import idempotent
from common.rest import bulk
from common.rest.filters import IdFilter, InstantFilter, UserEmailFilter
from common.rest.reads.views import Reads
from simulations.api.execution_detail import execution_detail
from simulations.api.execution_serializers import (
    AgainSerializer,
    AgentRunSerializer,
    EventSerializer,
    ExecutionDetailSerializer,
    ExecutionSerializer,
    RecordingSerializer,
    RepeatsSerializer,
    TopicSubscribersSerializer,
    UnitLogSerializer,
)
from simulations.api.responses import accepted
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
from simulations.services.progress.subscribers import subscribers_of
from simulations.services.runs import lifecycle, logs
from simulations.services.runs.repeats import preview


class ExecutionFilter(django_filters.FilterSet):
    """By simulation, statuses, failure, requester and time."""

    simulation = IdFilter(field_name="simulation_id", label=_("Id of its simulation"))
    status = django_filters.MultipleChoiceFilter(choices=RunStatus.choices)
    data_status = django_filters.MultipleChoiceFilter(choices=DataStatus.choices)
    active = django_filters.BooleanFilter(method="by_active", label=_("Whether it has not ended"))
    requested_by = UserEmailFilter(
        field_name="requested_by__email", label=_("E-mail address of its requester")
    )
    created_after = InstantFilter(field_name="created_at", lookup_expr="gte")
    created_before = InstantFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Execution
        fields = ["failure_code"]

    def by_active(self, rows: QuerySet[Any], _name: str, value: bool) -> QuerySet[Any]:  # noqa: FBT001
        return rows.filter(status__in=ACTIVE if value else ENDED)


class UnitFilter(django_filters.FilterSet):
    """By stage and unit."""

    stage = IdFilter(field_name="stage_run__position", label=_("Position of the stage"))
    unit = IdFilter(min_value=0, label=_("Number of the unit"))

    class Meta:
        model: type[Model] = AgentRun
        fields: list[str] = []


class AgentRunFilter(UnitFilter):
    """By stage, unit, agent, attempt, status and failure."""

    number = IdFilter(label=_("Number of the agent"))
    attempt = IdFilter(label=_("Number of the attempt"))
    status = django_filters.MultipleChoiceFilter(choices=AgentStatus.choices)

    class Meta:
        model = AgentRun
        fields = ["failure_code"]


class RecordingFilter(UnitFilter):
    """By stage, unit, agent, attempt and status."""

    agent = IdFilter(label=_("Number of the agent"))
    attempt = IdFilter(label=_("Number of the attempt"))
    status = django_filters.MultipleChoiceFilter(choices=RecordingStatus.choices)

    class Meta:
        model = Recording
        fields: list[str] = []


class EventFilter(django_filters.FilterSet):
    """By kind and sequence number."""

    after = IdFilter(
        field_name="sequence",
        lookup_expr="gt",
        min_value=0,
        label=_("Only events after this sequence number"),
    )

    class Meta:
        model = Event
        fields = ["kind", "after"]


def related_rows(
    queryset: QuerySet[Any],
    serializer: type[BaseSerializer[Any]],
    filterset: type[django_filters.FilterSet],
    *,
    ordering: str = "id",
    search_fields: list[str] | None = None,
) -> Callable[[Any], Any]:
    """Make a method the address of a list of rows below an execution."""
    route = action(
        detail=True,
        queryset=queryset,
        serializer_class=serializer,
        filterset_class=filterset,
        search_fields=search_fields,
        ordering=[ordering],
        ordering_fields=[ordering],
    )
    schema = extend_schema(responses=serializer(many=True))
    return lambda method: schema(route(method))


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
        """Run it again, with the same plan or with its simulation as it is now."""
        serializer = AgainSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        previous = get_object_or_404(Execution.objects.select_related("simulation"), pk=pk)
        if serializer.validated_data["plan"] == "same":
            execution = lifecycle.start_again(previous, requested_by=request.user)
        else:
            execution = lifecycle.start(previous.simulation, requested_by=request.user)
        return accepted(ExecutionSerializer, execution)

    @extend_schema(responses=RepeatsSerializer)
    @action(detail=True, url_path="plan-difference", filterset_class=None, pagination_class=None)
    def plan_difference(self, request: Request, pk: str) -> Response:
        """Compare its frozen plan with what its simulation would run now; nothing is started."""
        rows = Execution.objects.select_related("simulation__mec")
        return Response(RepeatsSerializer(preview(get_object_or_404(rows, pk=pk))).data)

    @extend_schema(responses=TopicSubscribersSerializer(many=True))
    @action(detail=True, filterset_class=None, pagination_class=None, filter_backends=[])
    def subscribers(self, request: Request, pk: str) -> Response:
        """The subscribers of each topic when the agents started; empty where the transport knows none."""
        topics = subscribers_of(get_object_or_404(Execution, pk=pk))
        return Response(TopicSubscribersSerializer(topics, many=True).data)

    @extend_schema(request=bulk.BulkSerializer, responses=bulk.BulkAnswerSerializer)
    @action(detail=False, methods=["post"], url_path="bulk/stop", filterset_class=None)
    def bulk_stop(self, request: Request) -> Response:
        """Stop many executions; each one succeeds or fails on its own."""

        def stop(execution: Execution) -> None:
            lifecycle.stop(execution, stopped_by=request.user)

        return Response(
            bulk.run_action(request.data, lambda ids: Execution.objects.filter(pk__in=ids), stop)
        )

    @related_rows(AgentRun.objects.all(), UnitLogSerializer, UnitFilter)
    def logs(self, request: Request, pk: str) -> Response:
        """The end of the log of each attempt of each unit."""
        execution = get_object_or_404(Execution.objects.only("id"), pk=pk)
        page = self.paginate_queryset(self.filter_queryset(logs.rows(execution.pk))) or []
        return self.get_paginated_response(
            self.get_serializer(logs.serialize(execution.pk, page), many=True).data
        )

    @related_rows(
        AgentRun.objects.all(), AgentRunSerializer, AgentRunFilter, search_fields=["failure_text"]
    )
    def agents(self, request: Request, pk: str) -> Response:
        """All attempts of all agents."""
        return self._page(pk, "stage_run__execution")

    @related_rows(
        Recording.objects.with_segments().with_superseded(),
        RecordingSerializer,
        RecordingFilter,
        search_fields=["text"],
    )
    def recordings(self, request: Request, pk: str) -> Response:
        """The recordings of its units or agents, those of earlier attempts and missing ones included."""
        return self._page(pk, "stage_run__execution")

    @related_rows(
        Event.objects.all(),
        EventSerializer,
        EventFilter,
        ordering="sequence",
        search_fields=["kind"],
    )
    def events(self, request: Request, pk: str) -> Response:
        """Its timeline, the oldest event first."""
        return self._page(pk, "execution")

    def _page(self, pk: str, path: str) -> Response:
        """Answer with a page of the rows whose `path` leads to an execution."""
        execution = get_object_or_404(Execution.objects.only("id"), pk=pk)
        rows: QuerySet[Model] = self.get_queryset().filter(**{path: execution})
        return self.page_of(self.filter_queryset(rows))
