"""HTTP endpoints of templates."""

from typing import Any

import django_filters
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.api.idempotency import idempotent
from common.rest import bulk
from common.rest.filters import IdFilter, SoftDeleteFilterSet, UserEmailFilter
from common.rest.reads.views import Reads
from templates.api.serializers import MeasuredSerializer, TemplateSerializer
from templates.models import Template
from templates.services import templates
from templates.services.measured import require_measured


class TemplateFilter(SoftDeleteFilterSet):
    """Filters by name, robot type, rosbag and creator."""

    name = django_filters.CharFilter(lookup_expr="icontains", label=_("Part of the name"))
    rosbag = IdFilter(field_name="rosbag_id", label=_("Id of its rosbag"))
    created_by = UserEmailFilter(
        field_name="created_by__email", label=_("E-mail address of its creator")
    )

    class Meta:
        model = Template
        fields = ["robot_type"]


class TemplateViewSet(Reads):
    """Simulation templates."""

    queryset = Template.objects.select_related("created_by")
    serializer_class = TemplateSerializer
    filterset_class = TemplateFilter
    search_fields = ["name", "description", "robot_type"]
    ordering_fields = ["id", "name", "created_at", "updated_at"]
    lookup_value_regex = "[0-9]{1,18}"

    @extend_schema(responses={201: TemplateSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Create a template."""
        serializer = TemplateSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        template = templates.create(created_by=request.user, **serializer.to_service_values())
        location = reverse("template-detail", args=[template.pk])
        data = TemplateSerializer(template).data
        return Response(data, status=201, headers={"Location": location})

    @extend_schema(responses={200: TemplateSerializer, 422: None})
    def update(self, request: Request, **_kwargs: Any) -> Response:
        """Replace a template; its version increases."""
        return self._update(request, partial=False)

    @extend_schema(responses={200: TemplateSerializer, 422: None})
    def partial_update(self, request: Request, **_kwargs: Any) -> Response:
        """Change some fields of a template; its version increases."""
        return self._update(request, partial=True)

    @extend_schema(responses={204: None, 409: None})
    def destroy(self, request: Request, **_kwargs: Any) -> Response:
        """Delete a template; refused while executions use it, later runs keep their plan."""
        templates.delete(self.get_object())
        return Response(status=204)

    @extend_schema(request=None, responses={200: TemplateSerializer, 422: None})
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str) -> Response:
        """Restore a deleted template."""
        deleted = get_object_or_404(self.get_queryset(), pk=pk)
        return Response(TemplateSerializer(templates.restore(deleted)).data)

    @extend_schema(responses={200: MeasuredSerializer})
    @action(detail=True, methods=["get"], url_path="measured-resources", filterset_class=None)
    def measured_resources(self, request: Request, pk: str) -> Response:
        """Say what agents used in the newest completed execution with this rosbag and rate.

        `NOT_MEASURED` (404) without one that played for five seconds.
        """
        return Response(MeasuredSerializer(require_measured(self.get_object())).data)

    @extend_schema(request=bulk.BulkSerializer, responses=bulk.BulkAnswerSerializer)
    @action(detail=False, methods=["post"], url_path="bulk/delete", filterset_class=None)
    def bulk_delete(self, request: Request) -> Response:
        """Delete many templates; each is deleted or refused on its own."""
        living = Template.objects.living()
        return Response(
            bulk.run_action(request.data, lambda ids: living.filter(pk__in=ids), templates.delete)
        )

    def _update(self, request: Request, *, partial: bool) -> Response:
        template = self.get_object()
        serializer = TemplateSerializer(template, data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return Response(
            TemplateSerializer(templates.update(template, **serializer.to_service_values())).data
        )
