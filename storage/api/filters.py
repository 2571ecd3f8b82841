"""What a list of rosbags can be narrowed to, and ordered by."""

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

LARGEST = 2**63 - 1
LONGEST_SECONDS = 9 * 10**9
NANOSECONDS = 10**9


class SizeFilter(django_filters.NumberFilter):
    """A whole number that the database can hold."""

    field_class: Any = forms.IntegerField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"min_value": 0, "max_value": LARGEST, **kwargs})

    def get_max_validator(self) -> None:
        """Add none: the field has one."""


class SecondsFilter(django_filters.NumberFilter):
    """Seconds, compared with a column of nanoseconds."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"min_value": 0, "max_value": LONGEST_SECONDS, **kwargs})

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        return super().filter(qs, value if value is None else round(value * NANOSECONDS))


class RosbagFilter(SoftDeleteFilterSet):
    """By state, origin, content, time, size and duration; several states are joined by or."""

    status = django_filters.MultipleChoiceFilter(
        choices=Status.choices, label=_("A state; given several times, any of them")
    )
    usable = django_filters.BooleanFilter(
        method="by_usable", label=_("true: what a template may play")
    )
    origin = django_filters.MultipleChoiceFilter(
        choices=Origin.choices, label=_("Where it comes from; given several times, any of them")
    )
    name = django_filters.CharFilter(
        lookup_expr="icontains", max_length=200, label=_("Part of the name")
    )
    topic = django_filters.CharFilter(
        method="by_topic", max_length=1000, label=_("A topic that it holds, in full")
    )
    type = django_filters.CharFilter(
        method="by_type", max_length=1000, label=_("A message type that it holds, in full")
    )
    ros_distro = django_filters.CharFilter(max_length=64, label=_("ROS distribution, in full"))
    content_digest = django_filters.CharFilter(
        max_length=64, label=_("Digest of its content, in full")
    )
    size_min = SizeFilter(field_name="size", lookup_expr="gte", label=_("Bytes, at least"))
    size_max = SizeFilter(field_name="size", lookup_expr="lte", label=_("Bytes, at most"))
    duration_min = SecondsFilter(
        field_name="duration_ns", lookup_expr="gte", label=_("Seconds, at least")
    )
    duration_max = SecondsFilter(
        field_name="duration_ns", lookup_expr="lte", label=_("Seconds, at most")
    )

    class Meta:
        model = Rosbag
        fields: list[str] = []

    def by_usable(self, rows: QuerySet[Any], _name: str, value: bool) -> QuerySet[Any]:  # noqa: FBT001
        return rows.filter(status__in=USABLE) if value else rows.exclude(status__in=USABLE)

    def by_topic(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        return _holding(rows, name=value)

    def by_type(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        return _holding(rows, type=value)


class TopicFilter(django_filters.FilterSet):
    """By part of the name, and by type."""

    name = django_filters.CharFilter(
        lookup_expr="icontains", max_length=1000, label=_("Part of the name")
    )
    type = django_filters.CharFilter(max_length=1000, label=_("Message type, in full"))

    class Meta:
        model = RosbagTopic
        fields: list[str] = []


class NullableOrdering(OrderingBackend):
    """Orders by one field and then by id, so that pages neither overlap nor leave rows out.

    What is not known yet (a duration before verification) counts as less than everything: a cursor cannot
    stand on NULL.
    """

    nullable = {"duration_ns": "by_span", "message_count": "by_count"}

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> list[str]:
        asked = super().get_ordering(request, queryset, view) or ["-id"]
        field = asked[0]
        sign, name = ("-", field[1:]) if field.startswith("-") else ("", field)
        first = f"{sign}{self.nullable.get(name, name)}"
        return [first] if name == "id" else [first, f"{sign}id"]

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Any], view: Any
    ) -> QuerySet[Any]:
        ordering = self.get_ordering(request, queryset, view)
        known = {alias: Coalesce(name, -1) for name, alias in self.nullable.items()}
        used = {alias: known[alias] for alias in known if ordering[0].lstrip("-") == alias}
        ordered: QuerySet[Any] = queryset.annotate(**used).order_by(*ordering)
        return ordered


def _holding(rows: QuerySet[Any], **topic: str) -> QuerySet[Any]:
    held = RosbagTopic.objects.filter(rosbag=OuterRef("pk"), **topic)
    return rows.filter(Exists(held))
