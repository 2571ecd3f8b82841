"""Templates over HTTP."""

from typing import Any

import django_filters
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.filters import IdFilter
from accounts.api.idempotency import idempotent
from templates.api.serializers import TemplateSerializer
from templates.models import Template
from templates.services import templates


class TemplateFilter(django_filters.FilterSet):
    """By name, robot type and rosbag."""

    name = django_filters.CharFilter(lookup_expr="icontains", label=_("Part of the name"))
    rosbag = IdFilter(field_name="rosbag_id", label=_("Id of its rosbag"))

    class Meta:
        model = Template
        fields = ["name", "robot_type", "rosbag"]


class TemplateViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Template]
):
    """Simulation templates."""

    queryset = Template.objects.living().select_related("created_by")
    serializer_class = TemplateSerializer
    filterset_class = TemplateFilter
    ordering_fields = ["id", "name", "created_at", "updated_at"]
    lookup_value_regex = "[0-9]{1,18}"

    @extend_schema(responses={201: TemplateSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Make a template."""
        asked = TemplateSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        template = templates.create(created_by=request.user, **asked.values())
        return Response(TemplateSerializer(template).data, status=201)

    def update(self, request: Request, **_kwargs: Any) -> Response:
        """Change a template; its version grows."""
        return self._update(request, partial=False)

    def partial_update(self, request: Request, **_kwargs: Any) -> Response:
        """Change some fields of a template; its version grows."""
        return self._update(request, partial=True)

    def destroy(self, request: Request, **_kwargs: Any) -> Response:
        """Hide a template; runs that used it keep their plan."""
        templates.delete(self.get_object())
        return Response(status=204)

    def _update(self, request: Request, *, partial: bool) -> Response:
        template = self.get_object()
        asked = TemplateSerializer(template, data=request.data, partial=partial)
        asked.is_valid(raise_exception=True)
        return Response(TemplateSerializer(templates.update(template, **asked.values())).data)
