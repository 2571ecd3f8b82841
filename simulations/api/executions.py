"""Executions over HTTP: read them, stop them, see their agents, events and recordings."""

from typing import Any

import django_filters
from django.db.models import Model, QuerySet
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from simulations.api.run_serializers import (
    AgentRunSerializer,
    EventSerializer,
    ExecutionDetailSerializer,
    ExecutionSerializer,
    RecordingSerializer,
)
from simulations.choices import AgentStatus, RecordingStatus, RunStatus
from simulations.models import AgentRun, Event, Execution, Recording
from simulations.services import lifecycle


class ExecutionFilter(django_filters.FilterSet):
    """By simulation and status; several statuses may be asked for."""

    simulation = django_filters.NumberFilter(
        field_name="simulation_id", label=_("Id of its simulation")
    )
    status = django_filters.MultipleChoiceFilter(choices=RunStatus.choices)

    class Meta:
        model = Execution
        fields = ["simulation", "status"]


class AgentRunFilter(django_filters.FilterSet):
    """By stage, unit and status."""

    stage = django_filters.NumberFilter(
        field_name="stage_run__position", label=_("Position of the stage")
    )
    status = django_filters.MultipleChoiceFilter(choices=AgentStatus.choices)

    class Meta:
        model = AgentRun
        fields = ["stage", "unit", "status"]


class RecordingFilter(django_filters.FilterSet):
    """By stage, unit and status."""

    stage = django_filters.NumberFilter(
        field_name="stage_run__position", label=_("Position of the stage")
    )
    status = django_filters.MultipleChoiceFilter(choices=RecordingStatus.choices)

    class Meta:
        model = Recording
        fields = ["stage", "unit", "status"]


class EventFilter(django_filters.FilterSet):
    """By kind, and what came after an event that is known already."""

    after = django_filters.NumberFilter(
        field_name="sequence", lookup_expr="gt", label=_("Only events after this sequence number")
    )

    class Meta:
        model = Event
        fields = ["kind", "after"]


class ExecutionViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Any]
):
    """Runs of simulations."""

    queryset: QuerySet[Any] | None = Execution.objects.select_related("requested_by", "stopped_by")
    serializer_class: type[BaseSerializer[Any]] | None = ExecutionSerializer
    filterset_class: type[django_filters.FilterSet] = ExecutionFilter
    ordering = ["-id"]
    ordering_fields = ["id", "created_at"]
    lookup_value_regex = "[0-9]{1,18}"

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        if self.action == "retrieve":
            return ExecutionDetailSerializer
        return super().get_serializer_class()

    @extend_schema(request=None, responses={202: ExecutionSerializer})
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, pk: str) -> Response:
        """Stop an execution; what was recorded is still stored."""
        execution = lifecycle.stop(self.get_object(), stopped_by=request.user)
        return Response(ExecutionSerializer(execution).data, status=202)

    @extend_schema(responses=AgentRunSerializer(many=True))
    @action(
        detail=True,
        queryset=AgentRun.objects.select_related("stage_run"),
        serializer_class=AgentRunSerializer,
        filterset_class=AgentRunFilter,
        ordering=["id"],
        ordering_fields=["id"],
    )
    def agents(self, request: Request, pk: str) -> Response:
        """All attempts of all agents."""
        return self._page(pk, "stage_run__execution")

    @extend_schema(responses=RecordingSerializer(many=True))
    @action(
        detail=True,
        queryset=Recording.objects.select_related("stage_run"),
        serializer_class=RecordingSerializer,
        filterset_class=RecordingFilter,
        ordering=["id"],
        ordering_fields=["id"],
    )
    def recordings(self, request: Request, pk: str) -> Response:
        """What its units recorded, also what is missing."""
        return self._page(pk, "stage_run__execution")

    @extend_schema(responses=EventSerializer(many=True))
    @action(
        detail=True,
        queryset=Event.objects.select_related("actor"),
        serializer_class=EventSerializer,
        filterset_class=EventFilter,
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
        page = self.paginate_queryset(self.filter_queryset(parts))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)
