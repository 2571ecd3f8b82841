"""Serializers of templates."""

from typing import Any

from rest_framework import serializers

from common.rest.serializers import StrictSerializer
from templates.models import Template
from templates.services.validation import MAX_GAP, MAX_TOPICS, RATE, TYPE_NAME


class RecordTopicSerializer(StrictSerializer):
    """A topic to record, named as the robot sees it: a ROS topic name, or a topic of the rosbag."""

    name = serializers.CharField(max_length=255)
    type = serializers.CharField(max_length=255)
    enforced = {"type": {"pattern": f"^{TYPE_NAME.pattern}$"}}


class TemplateSerializer(StrictSerializer, serializers.ModelSerializer[Template]):
    """A template of one kind of agent; an empty `topics` plays them all, `rate` 0 is as fast as possible.

    Where no message of these topics was recorded for longer than `max_gap_seconds`, agents wait only that
    long; null keeps all gaps.

    `unsupported_topics`: what a start does with topics whose names the transport of the mec cannot carry.
    """

    name = serializers.CharField(max_length=200)
    rosbag = serializers.IntegerField(source="rosbag_id", min_value=1, max_value=2**63 - 1)
    topics = serializers.ListField(child=serializers.CharField(), required=False)
    # Without the model's validators: the service reports all errors together.
    rate = serializers.FloatField(required=False)
    max_gap_seconds = serializers.FloatField(required=False, allow_null=True)
    record_topics = RecordTopicSerializer(many=True, required=False)
    created_by = serializers.EmailField(source="created_by.email", read_only=True, allow_null=True)
    enforced = {
        "topics": {"maxItems": MAX_TOPICS},
        "rate": RATE.schema,
        "max_gap_seconds": MAX_GAP.schema,
        "record_topics": {"maxItems": MAX_TOPICS},
    }

    class Meta:
        model = Template
        fields = [
            "id",
            "name",
            "robot_type",
            "description",
            "rosbag",
            "topics",
            "rate",
            "max_gap_seconds",
            "record_topics",
            "record_own",
            "unsupported_topics",
            "version",
            "created_by",
            "created_at",
            "updated_at",
            "deleted_at",
        ]
        read_only_fields = ["version", "created_at", "updated_at", "deleted_at"]

    def to_service_values(self) -> dict[str, Any]:
        """The valid data as keyword arguments of the service."""
        values = dict(self.validated_data)
        if "rosbag_id" in values:
            values["rosbag"] = values.pop("rosbag_id")
        return values
