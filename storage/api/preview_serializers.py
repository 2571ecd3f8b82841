"""Serializers of previews and exports."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from storage.models import Export
from storage.services.exports import exports

POINT = {
    "type": "array",
    "description": "Time in nanoseconds, x, y, z; for fixes longitude, latitude, altitude.",
    "items": {"type": "number"},
    "minItems": 4,
    "maxItems": 4,
}


class MessageErrorSerializer(serializers.Serializer[Any]):
    """The reason that a message cannot be decoded."""

    code = serializers.CharField(help_text="`TYPE_UNKNOWN` or `MESSAGE_INVALID`.")
    detail = serializers.CharField()


class MessageSerializer(serializers.Serializer[Any]):
    """One line: a decoded message. Numbers that JSON cannot represent are strings: NaN, Infinity."""

    topic = serializers.CharField()
    type = serializers.CharField()
    time_ns = serializers.IntegerField(help_text="Nanoseconds since 1970.")
    time = serializers.CharField(allow_null=True, help_text="The same as ISO 8601.")
    size = serializers.IntegerField(help_text="Bytes, serialized.")
    message = serializers.DictField(allow_null=True)
    error = MessageErrorSerializer(allow_null=True)


class FieldSerializer(serializers.Serializer[Any]):
    """A numeric field; `items` is the array length where its path ends in an index, null: it varies."""

    path = serializers.CharField()
    type = serializers.CharField()
    items = serializers.IntegerField(allow_null=True)


class FrameSerializer(serializers.Serializer[Any]):
    """A transform from one frame to another."""

    frame = serializers.CharField(allow_blank=True)
    child = serializers.CharField(allow_blank=True)


@extend_schema_field(POINT)
class PointField(serializers.JSONField):
    """A position with its time."""


class TrajectorySerializer(serializers.Serializer[Any]):
    """A trajectory; `length` in metres, unless it is `geographic` (degrees)."""

    topic = serializers.CharField()
    type = serializers.CharField()
    geographic = serializers.BooleanField(help_text="Longitude and latitude instead of metres.")
    frame = serializers.CharField(allow_blank=True)
    child_frame = serializers.CharField(allow_blank=True)
    frames = FrameSerializer(many=True, help_text="For transforms: all frames that occur.")
    positions = serializers.IntegerField(help_text="Number of positions before simplification.")
    length = serializers.FloatField()
    points = serializers.ListField(child=PointField())
    breaks = serializers.ListField(
        child=serializers.IntegerField(),
        help_text="Indexes of the points behind gaps: no line leads to them from the point before.",
    )


class SeriesPointSerializer(serializers.Serializer[Any]):
    """The values of one time interval."""

    first_ns = serializers.IntegerField()
    last_ns = serializers.IntegerField()
    min = serializers.FloatField()
    max = serializers.FloatField()
    mean = serializers.FloatField()
    count = serializers.IntegerField()


class SeriesSerializer(serializers.Serializer[Any]):
    """A field over time; `every`: only every n-th message was read."""

    topic = serializers.CharField()
    field = serializers.CharField()
    type = serializers.CharField()
    every = serializers.IntegerField()
    count = serializers.IntegerField(help_text="Number of values.")
    not_finite = serializers.IntegerField(
        help_text="Number of NaN and infinite values, which are left out."
    )
    missing = serializers.IntegerField(help_text="Number of messages without the field.")
    points = SeriesPointSerializer(many=True)


class ThumbnailSerializer(serializers.Serializer[Any]):
    """A thumbnail; size of the original in pixels. Without a picture, `error` gives the reason."""

    time_ns = serializers.IntegerField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    encoding = serializers.CharField(allow_blank=True)
    error = serializers.CharField(allow_blank=True)
    url = serializers.CharField(allow_blank=True, help_text="URL of the picture, as JPEG.")


class TimelineFileSerializer(serializers.Serializer[Any]):
    """A file of the bundle."""

    path = serializers.CharField()
    size = serializers.IntegerField()


class TimelineTopicSerializer(serializers.Serializer[Any]):
    """The activity of a topic over time."""

    name = serializers.CharField()
    type = serializers.CharField()
    message_count = serializers.IntegerField()
    first_ns = serializers.IntegerField(allow_null=True)
    last_ns = serializers.IntegerField(allow_null=True)
    mean_rate_hz = serializers.FloatField(allow_null=True)
    gaps = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField(), min_length=2, max_length=2),
        help_text="The longest gaps: last and next message, in ns.",
    )
    histogram = serializers.ListField(child=serializers.IntegerField())


class TimelineSerializer(serializers.Serializer[Any]):
    """A bundle's time line, divided into as many equal intervals as its histograms have bins."""

    start_ns = serializers.IntegerField(allow_null=True)
    end_ns = serializers.IntegerField(allow_null=True)
    duration_ns = serializers.IntegerField(allow_null=True)
    bin_ns = serializers.IntegerField(allow_null=True, help_text="Length of one interval.")
    message_count = serializers.IntegerField(allow_null=True)
    files = TimelineFileSerializer(many=True)
    topic_count = serializers.IntegerField()
    topics = TimelineTopicSerializer(many=True, help_text="The first 500 by name.")


class ExportSerializer(serializers.ModelSerializer[Export]):
    """An export; times in nanoseconds since 1970, inclusive, `progress` from 0 to 1."""

    rosbag = serializers.IntegerField(source="source_id", read_only=True)
    result = serializers.IntegerField(
        source="result_id", read_only=True, allow_null=True, help_text="The new rosbag."
    )
    topics = serializers.ListField(child=serializers.CharField(), read_only=True)
    fields = serializers.ListField(child=serializers.CharField(), read_only=True)  # type: ignore[assignment]
    sentence = serializers.CharField(read_only=True)
    url = serializers.SerializerMethodField()
    created_by = serializers.EmailField(source="created_by.email", read_only=True, allow_null=True)

    class Meta:
        model = Export
        fields = [
            "id",
            "rosbag",
            "name",
            "format",
            "topics",
            "start_ns",
            "end_ns",
            "fields",
            "latched",
            "status",
            "progress",
            "code",
            "sentence",
            "message_count",
            "size",
            "result",
            "url",
            "created_by",
            "created_at",
            "ended_at",
        ]
        read_only_fields = fields

    @extend_schema_field(
        {
            "type": "string",
            "description": "Signed URL of the MCAP file or the table, which expires; empty: none "
            "(yet). A path without host belongs to this server.",
        }
    )
    def get_url(self, export: Export) -> str:
        return exports.sign_url(export, audience="browser")
