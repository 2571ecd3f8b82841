"""What is asked of previews and exports, in addresses and bodies."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request

from common.rest.serializers import Strict
from rosbag2.messages.fields import MAX_PATH
from storage.choices import ExportFormat
from storage.services.exports.exports import ExportAsked
from storage.services.previews.previews import (
    MOST_ITEMS,
    MOST_MESSAGES,
    MOST_POINTS,
    MOST_THUMBNAILS,
    MessagesAsked,
)
from storage.services.previews.time_ranges import PATTERN

TIME = (
    "Nanoseconds since 1970, a time such as `2026-03-02T09:30:00.5Z`, or seconds from the start of the "
    "rosbag such as `2.5s` (`-2.5s`: before its end). Included."
)
LONGEST_TOPIC = 1000
MOST_TOPICS = 1000
MOST_FIELDS = 1000


def time_field() -> Any:
    return serializers.RegexField(
        PATTERN, required=False, trim_whitespace=False, max_length=40, help_text=TIME
    )


def topic_field(**more: Any) -> Any:
    return serializers.CharField(
        max_length=LONGEST_TOPIC, trim_whitespace=False, help_text="Name of a topic.", **more
    )


class TopicQuery(Strict):
    """A topic."""

    topic = topic_field()


class MessagesQuery(Strict):
    """Which messages."""

    topic = topic_field(required=False)
    start = time_field()
    end = time_field()
    limit = serializers.IntegerField(
        min_value=1, max_value=MOST_MESSAGES, default=100, help_text="Most messages."
    )
    items = serializers.IntegerField(
        min_value=0, max_value=MOST_ITEMS, default=100, help_text="Items of an array that are told."
    )

    def asked(self) -> MessagesAsked:
        return MessagesAsked(**{"topic": None, **self.validated_data})


class TrajectoryQuery(Strict):
    """A topic of poses, transforms or fixes."""

    topic = topic_field()
    start = time_field()
    end = time_field()
    points = serializers.IntegerField(
        min_value=2, max_value=MOST_POINTS, default=500, help_text="Most points."
    )
    frame = serializers.CharField(
        max_length=200,
        required=False,
        help_text="Of transforms: the child frame; else the one that moves farthest.",
    )


class SeriesQuery(Strict):
    """A field of a topic."""

    topic = topic_field()
    field = serializers.CharField(
        max_length=MAX_PATH, help_text="Path such as `pose.pose.position.x` or `ranges[3]`."
    )
    start = time_field()
    end = time_field()
    points = serializers.IntegerField(
        min_value=1, max_value=MOST_POINTS, default=500, help_text="Most stretches of time."
    )


class ThumbnailsQuery(Strict):
    """A topic of images."""

    topic = topic_field()
    count = serializers.IntegerField(
        min_value=1, max_value=MOST_THUMBNAILS, default=6, help_text="Moments, evenly spread."
    )


class NewExportSerializer(Strict):
    """A part of a rosbag to be made into another."""

    format = serializers.ChoiceField(choices=ExportFormat.choices)
    topics = serializers.ListField(
        child=topic_field(), required=False, max_length=MOST_TOPICS, help_text="None: all."
    )
    start = time_field()
    end = time_field()
    fields = serializers.ListField(  # type: ignore[assignment]
        child=serializers.CharField(max_length=MAX_PATH),
        required=False,
        max_length=MOST_FIELDS,
        help_text="Columns of a table; none: all scalar fields.",
    )
    latched = serializers.BooleanField(
        default=True, help_text="With the last messages of transient-local topics from before."
    )
    name = serializers.CharField(
        max_length=200, required=False, help_text="Of the new rosbag, or of the table's file."
    )

    def asked(self) -> ExportAsked:
        return ExportAsked(**self.validated_data)


def asked_of(request: Request, kind: type[Strict]) -> Any:
    """The query of a request, checked; each value once.

    Raises:
        ValidationError: an unknown name, a repeated or odd value.
    """
    repeated = {
        name: [serializers.ErrorDetail(str(_("Send it once.")), code="repeated")]
        for name, values in request.query_params.lists()
        if len(values) > 1
    }
    if repeated:
        raise serializers.ValidationError(repeated)
    asked = kind(data=request.query_params)
    asked.is_valid(raise_exception=True)
    return asked
