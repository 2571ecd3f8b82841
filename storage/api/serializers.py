"""Serializers of rosbags."""

from typing import Any

from rest_framework import serializers

from common.rest.serializers import StrictSerializer
from storage.choices import lost_sentence, sentence
from storage.models import Rosbag, RosbagTopic


class WarningSerializer(serializers.Serializer[dict[str, Any]]):
    """A warning about a rosbag that can still be played."""

    code = serializers.CharField()
    sentence = serializers.SerializerMethodField()
    details = serializers.DictField()

    def get_sentence(self, warning: dict[str, Any]) -> str:
        return sentence(warning["code"], warning["details"], warning.get("text", ""))


class LostSpanSerializer(serializers.Serializer[dict[str, Any]]):
    """A time span of a damaged rosbag that could not be recovered."""

    file = serializers.CharField(allow_blank=True, help_text="Empty: unknown.")
    topic = serializers.CharField(allow_blank=True, help_text="Empty: all topics.")
    first_ns = serializers.IntegerField(allow_null=True, help_text="null: from the beginning.")
    last_ns = serializers.IntegerField(allow_null=True, help_text="null: to the end.")
    messages = serializers.IntegerField(allow_null=True, help_text="null: unknown.")
    sentence = serializers.SerializerMethodField()

    def get_sentence(self, span: dict[str, Any]) -> str:
        return lost_sentence(span)


class TopicSerializer(serializers.ModelSerializer[RosbagTopic]):
    """A topic with its statistics; `histogram` counts messages in equal intervals of the bundle."""

    histogram = serializers.ListField(child=serializers.IntegerField(), read_only=True)
    gaps = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField(), min_length=2, max_length=2),
        read_only=True,
        help_text="The longest gaps of more than three periods: last and next message, in ns.",
    )

    playable = serializers.BooleanField(
        read_only=True, help_text="false: its messages are not CDR, and are skipped in replays."
    )

    class Meta:
        model = RosbagTopic
        fields = [
            "name",
            "type",
            "serialization_format",
            "playable",
            "offered_qos_profiles",
            "type_hash",
            "message_count",
            "size",
            "first_ns",
            "last_ns",
            "mean_rate_hz",
            "period_ns",
            "jitter_ns",
            "gap_count",
            "gaps",
            "histogram",
        ]


class RosbagSerializer(serializers.ModelSerializer[Rosbag]):
    """A rosbag; sizes in bytes, times in nanoseconds since the Unix epoch."""

    sentence = serializers.CharField(read_only=True)
    usable = serializers.BooleanField(read_only=True)
    warnings = WarningSerializer(many=True, read_only=True)
    lost_spans = LostSpanSerializer(many=True, read_only=True)
    repaired: Any = serializers.PrimaryKeyRelatedField(
        read_only=True,
        allow_null=True,
        help_text="For the status `repaired`: the rosbag to play instead.",
    )
    original: Any = serializers.PrimaryKeyRelatedField(
        read_only=True, allow_null=True, help_text="The rosbag that this one was made from."
    )
    created_by = serializers.EmailField(source="created_by.email", read_only=True, allow_null=True)

    class Meta:
        model = Rosbag
        fields = [
            "id",
            "name",
            "origin",
            "original",
            "repaired",
            "status",
            "usable",
            "code",
            "sentence",
            "warnings",
            "lost_spans",
            "storage_id",
            "version",
            "ros_distro",
            "compression",
            "start_ns",
            "duration_ns",
            "message_count",
            "size",
            "content_digest",
            "created_by",
            "created_at",
            "updated_at",
            "deleted_at",
        ]
        read_only_fields = fields


class RosbagDetailSerializer(RosbagSerializer):
    """A rosbag with its first topics by name; `/topics` pages through all."""

    topic_count = serializers.IntegerField(read_only=True)
    topics = TopicSerializer(many=True, read_only=True, source="first_topics")

    class Meta(RosbagSerializer.Meta):
        fields = [*RosbagSerializer.Meta.fields, "topic_count", "topics"]
        read_only_fields = fields


class RenameSerializer(StrictSerializer):
    """The editable fields of a rosbag."""

    name = serializers.CharField(max_length=200)


class SignedFileSerializer(serializers.Serializer[Any]):
    """A file with a signed URL that expires; size in bytes, `sha256` may be empty before verification."""

    path = serializers.CharField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField(allow_blank=True)
    url = serializers.CharField(help_text="A path without host belongs to this server.")


class UploadSerializer(StrictSerializer):
    """The files of a small bundle in one request."""

    name = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    files = serializers.ListField(
        child=serializers.FileField(allow_empty_file=True, max_length=255), allow_empty=False
    )
