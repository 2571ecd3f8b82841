"""Filters and ordering of lists of rosbags and topics."""

from typing import Any

import django_filters
from django import forms
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request

from common.rest.filters import OrderingBackend, SoftDeleteFilterSet
from storage.choices import USABLE, Origin, Status
from storage.models import Rosbag, RosbagTopic

MAX_INT64 = 2**63 - 1
MAX_SECONDS = 9 * 10**9
NANOSECONDS = 10**9


class SizeFilter(django_filters.NumberFilter):
    """An integer filter within the range of the database."""

    field_class: Any = forms.IntegerField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"min_value": 0, "max_value": MAX_INT64, **kwargs})

    def get_max_validator(self) -> None:
        """Add no validator: the field has one already."""


class SecondsFilter(django_filters.NumberFilter):
    """A filter in seconds on a column in nanoseconds."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"min_value": 0, "max_value": MAX_SECONDS, **kwargs})

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        return super().filter(qs, value if value is None else round(value * NANOSECONDS))


class RosbagFilter(SoftDeleteFilterSet):
    """Filters by status, origin, content, time, size and duration; several statuses match any of them."""

    status = django_filters.MultipleChoiceFilter(
        choices=Status.choices, label=_("A status; given several times, any of them")
    )
    usable = django_filters.BooleanFilter(
        method="by_usable", label=_("true: rosbags that a template can play")
    )
    origin = django_filters.MultipleChoiceFilter(
        choices=Origin.choices, label=_("An origin; given several times, any of them")
    )
    name = django_filters.CharFilter(
        lookup_expr="icontains", max_length=200, label=_("Part of the name")
    )
    topic = django_filters.CharFilter(
        method="by_topic", max_length=1000, label=_("Full name of a topic in the rosbag")
    )
    type = django_filters.CharFilter(
        method="by_type", max_length=1000, label=_("Full name of a message type in the rosbag")
    )
    ros_distro = django_filters.CharFilter(
        max_length=64, label=_("Full name of the ROS distribution")
    )
    content_digest = django_filters.CharFilter(max_length=64, label=_("Full digest of its content"))
    size_min = SizeFilter(field_name="size", lookup_expr="gte", label=_("Minimum size in bytes"))
    size_max = SizeFilter(field_name="size", lookup_expr="lte", label=_("Maximum size in bytes"))
    duration_min = SecondsFilter(
        field_name="duration_ns", lookup_expr="gte", label=_("Minimum duration in seconds")
    )
    duration_max = SecondsFilter(
        field_name="duration_ns", lookup_expr="lte", label=_("Maximum duration in seconds")
    )

    class Meta:
        model = Rosbag
        fields: list[str] = []

    def by_usable(self, rows: QuerySet[Any], _name: str, value: bool) -> QuerySet[Any]:  # noqa: FBT001
        return rows.filter(status__in=USABLE) if value else rows.exclude(status__in=USABLE)

    def by_topic(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        return _with_topic(rows, name=value)

    def by_type(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        return _with_topic(rows, type=value)


class TopicFilter(django_filters.FilterSet):
    """Filters by part of the name, and by type."""

    name = django_filters.CharFilter(
        lookup_expr="icontains", max_length=1000, label=_("Part of the name")
    )
    type = django_filters.CharFilter(max_length=1000, label=_("Full name of the message type"))

    class Meta:
        model = RosbagTopic
        fields: list[str] = []


class NullableOrdering(OrderingBackend):
    """Orders by one field and then by id, so that pages neither overlap nor skip rows.

    Unknown values (a duration before verification) sort as less than all others: cursors cannot handle
    NULL.
    """

    nullable = {"duration_ns": "by_span", "message_count": "by_count"}

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> list[str]:
        requested = super().get_ordering(request, queryset, view) or ["-id"]
        field = requested[0]
        sign, name = ("-", field[1:]) if field.startswith("-") else ("", field)
        first = f"{sign}{self.nullable.get(name, name)}"
        return [first] if name == "id" else [first, f"{sign}id"]

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Any], view: Any
    ) -> QuerySet[Any]:
        ordering = self.get_ordering(request, queryset, view)
        field = ordering[0].lstrip("-")
        used = {
            alias: Coalesce(name, -1) for name, alias in self.nullable.items() if alias == field
        }
        ordered: QuerySet[Any] = queryset.annotate(**used).order_by(*ordering)
        return ordered


def _with_topic(rows: QuerySet[Any], **topic: str) -> QuerySet[Any]:
    topics = RosbagTopic.objects.filter(rosbag=OuterRef("pk"), **topic)
    return rows.filter(Exists(topics))
