"""Templates as the API takes and tells them."""

from typing import Any

from rest_framework import serializers

from common.rest.serializers import Strict
from templates.models import Template
from templates.services.validation import MOST_TOPICS, TOPIC_NAME, TYPE_NAME


class RecordTopicSerializer(Strict):
    """A topic to record, named as the robot sees it."""

    name = serializers.CharField(max_length=255)
    type = serializers.CharField(max_length=255)
    enforced = {
        "name": {"pattern": f"^{TOPIC_NAME.pattern}$"},
        "type": {"pattern": f"^{TYPE_NAME.pattern}$"},
    }


class TemplateSerializer(Strict, serializers.ModelSerializer[Template]):
    """What one kind of agent does; an empty `topics` plays them all, `rate` 0 is unpaced."""

    name = serializers.CharField(max_length=200)
    rosbag = serializers.IntegerField(source="rosbag_id", min_value=1, max_value=2**63 - 1)
    topics = serializers.ListField(child=serializers.CharField(), required=False)
    # Without the model's validators: the service finds all faults in one go.
    rate = serializers.FloatField(required=False)
    record_topics = RecordTopicSerializer(many=True, required=False)
    created_by = serializers.EmailField(source="created_by.email", read_only=True, allow_null=True)
    enforced = {
        "topics": {"maxItems": MOST_TOPICS},
        "rate": {"minimum": 0},
        "record_topics": {"maxItems": MOST_TOPICS},
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
            "record_topics",
            "record_own",
            "version",
            "created_by",
            "created_at",
            "updated_at",
            "deleted_at",
        ]
        read_only_fields = ["version", "created_at", "updated_at", "deleted_at"]

    def values(self) -> dict[str, Any]:
        """What the request sets, in the words of the service."""
        values = dict(self.validated_data)
        if "rosbag_id" in values:
            values["rosbag"] = values.pop("rosbag_id")
        return values
