"""Serializers of the queries and bodies of preview and export requests."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request

from common.rest.serializers import StrictSerializer
from rosbag2.messages.fields import MAX_PATH
from storage.choices import ExportFormat
from storage.services.exports.exports import ExportOptions
from storage.services.previews.previews import (
    MAX_ITEMS,
    MAX_MESSAGES,
    MAX_POINTS,
    MAX_THUMBNAILS,
    MessageSelection,
)
from storage.services.previews.time_ranges import PATTERN

TIME = (
    "Nanoseconds since 1970, a time such as `2026-03-02T09:30:00.5Z`, or seconds from the start of the "
    "rosbag such as `2.5s` (`-2.5s`: before its end). Inclusive."
)
MAX_TOPIC_LENGTH = 1000
MAX_TOPICS = 1000
MAX_FIELDS = 1000


def time_field() -> Any:
    return serializers.RegexField(
        PATTERN, required=False, trim_whitespace=False, max_length=40, help_text=TIME
    )


def topic_field(**options: Any) -> Any:
    return serializers.CharField(
        max_length=MAX_TOPIC_LENGTH, trim_whitespace=False, help_text="Name of a topic.", **options
    )


class TopicQuery(StrictSerializer):
    """A topic."""

    topic = topic_field()


class MessagesQuery(StrictSerializer):
    """A selection of messages."""

    topic = topic_field(required=False)
    start = time_field()
    end = time_field()
    limit = serializers.IntegerField(
        min_value=1, max_value=MAX_MESSAGES, default=100, help_text="Maximum number of messages."
    )
    items = serializers.IntegerField(
        min_value=0,
        max_value=MAX_ITEMS,
        default=100,
        help_text="Maximum number of shown items of an array.",
    )

    def to_selection(self) -> MessageSelection:
        return MessageSelection(**{"topic": None, **self.validated_data})


class TrajectoryQuery(StrictSerializer):
    """A topic of poses, transforms or fixes."""

    topic = topic_field()
    start = time_field()
    end = time_field()
    points = serializers.IntegerField(
        min_value=2, max_value=MAX_POINTS, default=500, help_text="Maximum number of points."
    )
    frame = serializers.CharField(
        max_length=200,
        required=False,
        help_text="For transforms: the child frame; default: the one that moves farthest.",
    )


class SeriesQuery(StrictSerializer):
    """A field of a topic."""

    topic = topic_field()
    field = serializers.CharField(
        max_length=MAX_PATH, help_text="Path such as `pose.pose.position.x` or `ranges[3]`."
    )
    start = time_field()
    end = time_field()
    points = serializers.IntegerField(
        min_value=1,
        max_value=MAX_POINTS,
        default=500,
        help_text="Maximum number of time intervals.",
    )


class ThumbnailsQuery(StrictSerializer):
    """A topic of images."""

    topic = topic_field()
    start = time_field()
    end = time_field()
    count = serializers.IntegerField(
        min_value=1,
        max_value=MAX_THUMBNAILS,
        default=6,
        help_text="Number of thumbnails.",
    )


class NewExportSerializer(StrictSerializer):
    """A part of a rosbag to export."""

    format = serializers.ChoiceField(choices=ExportFormat.choices)
    topics = serializers.ListField(
        child=topic_field(), required=False, max_length=MAX_TOPICS, help_text="Default: all."
    )
    start = time_field()
    end = time_field()
    fields = serializers.ListField(  # type: ignore[assignment]
        child=serializers.CharField(max_length=MAX_PATH),
        required=False,
        max_length=MAX_FIELDS,
        help_text="Columns of a table; default: all scalar fields.",
    )
    latched = serializers.BooleanField(
        default=True,
        help_text="Include the last messages of transient-local topics from before the start.",
    )
    name = serializers.CharField(
        max_length=200, required=False, help_text="Name of the new rosbag, or of the table's file."
    )

    def to_options(self) -> ExportOptions:
        return ExportOptions(**self.validated_data)


def parse_query(request: Request, serializer_class: type[StrictSerializer]) -> Any:
    """Validate the query parameters of a request; each may occur once.

    Returns:
        The valid serializer.

    Raises:
        ValidationError: A parameter is unknown, repeated or invalid.
    """
    repeated = {
        name: [serializers.ErrorDetail(str(_("Send it once.")), code="repeated")]
        for name, values in request.query_params.lists()
        if len(values) > 1
    }
    if repeated:
        raise serializers.ValidationError(repeated)
    query = serializer_class(data=request.query_params)
    query.is_valid(raise_exception=True)
    return query
