"""Simulations over HTTP."""

from typing import Any

import django_filters
from django.db.models import Prefetch
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.api.idempotency import idempotent
from simulations.api.run_serializers import ExecutionSerializer
from simulations.api.serializers import SimulationSerializer
from simulations.models import Simulation, Stage
from simulations.services import design, lifecycle


class SimulationFilter(django_filters.FilterSet):
    """By name, pattern and mec."""

    name = django_filters.CharFilter(lookup_expr="icontains", label=_("Part of the name"))
    mec = django_filters.NumberFilter(field_name="mec_id", label=_("Id of its mec"))

    class Meta:
        model = Simulation
        fields = ["name", "pattern", "mec"]


class SimulationViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Simulation]
):
    """Designs of runs."""

    queryset = (
        Simulation.objects.living()
        .select_related("created_by")
        .prefetch_related(Prefetch("stages", Stage.objects.order_by("position")))
    )
    serializer_class = SimulationSerializer
    filterset_class = SimulationFilter
    ordering_fields = ["id", "name", "created_at", "updated_at"]
    lookup_value_regex = "[0-9]{1,18}"

    @extend_schema(responses={201: SimulationSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Make a simulation with its stages, in the order in which they are listed."""
        asked = SimulationSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        simulation = design.create_simulation(created_by=request.user, **asked.values())
        return Response(self._told(simulation), status=201)

    def update(self, request: Request, **_kwargs: Any) -> Response:
        """Change a simulation; its stages are replaced by those listed."""
        return self._update(request, partial=False)

    def partial_update(self, request: Request, **_kwargs: Any) -> Response:
        """Change some fields of a simulation; stages, where given, replace all of them."""
        return self._update(request, partial=True)

    def destroy(self, request: Request, **_kwargs: Any) -> Response:
        """Delete a simulation."""
        design.delete_simulation(self.get_object())
        return Response(status=204)

    @extend_schema(request=None, responses={202: ExecutionSerializer})
    @action(detail=True, methods=["post"])
    @idempotent
    def start(self, request: Request, pk: str) -> Response:
        """Start an execution; watch it at the address in `Location`."""
        execution = lifecycle.start(self.get_object(), requested_by=request.user)
        place = reverse("execution-detail", args=[execution.pk])
        told = ExecutionSerializer(execution).data
        return Response(told, status=202, headers={"Location": place})

    def _update(self, request: Request, *, partial: bool) -> Response:
        simulation = self.get_object()
        asked = SimulationSerializer(simulation, data=request.data, partial=partial)
        asked.is_valid(raise_exception=True)
        return Response(self._told(design.update_simulation(simulation, **asked.values())))

    def _told(self, simulation: Simulation) -> dict[str, Any]:
        """Read anew: the stages in memory are those from before the change."""
        fresh = self.get_queryset().get(pk=simulation.pk)
        return dict(SimulationSerializer(fresh).data)
