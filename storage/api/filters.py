"""What a list of rosbags can be narrowed to."""

import django_filters
from django.utils.translation import gettext_lazy as _

from storage.choices import Origin, Status
from storage.models import Rosbag


class RosbagFilter(django_filters.FilterSet):
    """By state, origin, name, topic and type."""

    status = django_filters.MultipleChoiceFilter(choices=Status.choices)
    origin = django_filters.ChoiceFilter(choices=Origin.choices)
    name = django_filters.CharFilter(lookup_expr="icontains", label=_("Part of the name"))
    topic = django_filters.CharFilter(
        field_name="topics__name", label=_("A topic that it holds, in full")
    )

    class Meta:
        model = Rosbag
        fields = ["status", "origin", "name", "topic", "ros_distro", "content_digest"]
