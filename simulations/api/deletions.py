"""Deletions over HTTP."""

import django_filters
from django.utils.translation import gettext_lazy as _
from rest_framework import viewsets

from common.rest.filters import IdFilter
from simulations.api.serializers import DeletionSerializer
from simulations.choices import DeletionStatus
from simulations.models import Deletion


class DeletionFilter(django_filters.FilterSet):
    """By simulation and status."""

    simulation = IdFilter(field_name="simulation_id", label=_("Id of the simulation"))
    status = django_filters.MultipleChoiceFilter(choices=DeletionStatus.choices)

    class Meta:
        model = Deletion
        fields = ["permanent"]


class DeletionViewSet(viewsets.ReadOnlyModelViewSet[Deletion]):
    """Deletions of simulations and their progress."""

    queryset = Deletion.objects.select_related("requested_by")
    serializer_class = DeletionSerializer
    filterset_class = DeletionFilter
    search_fields = ["name"]
    ordering_fields = ["id", "created_at"]
    lookup_value_regex = "[0-9]{1,18}"
