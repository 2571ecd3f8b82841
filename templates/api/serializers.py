"""Serializers of templates."""

from typing import Any

from rest_framework import serializers

from common.rest.serializers import StrictSerializer
from templates.models import Template
from templates.services.validation.definitions import MAX_DEFINITIONS
from templates.services.validation.names import MAX_TOPIC_LENGTH, TYPE_NAME
from templates.services.validation.numbers import BOUNDS
from templates.services.validation.topics import MAX_TOPICS

TOPIC_LISTS = ("topics", "excluded_topics", "required_subscribers", "record_topics")


class RecordTopicSerializer(StrictSerializer):
    """A topic to record, named as the robot sees it: a ROS topic name, or a topic of the rosbag."""

    name = serializers.CharField(max_length=MAX_TOPIC_LENGTH)
    type = serializers.CharField(max_length=MAX_TOPIC_LENGTH)
    enforced = {"type": {"pattern": f"^{TYPE_NAME.pattern}$"}}


class TopicNamesField(serializers.ListField):
    """Names of topics of the rosbag."""

    child = serializers.CharField()


class MeasuredSerializer(serializers.Serializer[Any]):
    """Means of one agent in an execution, without the program itself, which each unit has once.

    `agent_cpu` (thousandths of a core) and `agent_memory` (MiB) are the same with some margin, for the
    fields of the template.
    """

    execution = serializers.IntegerField()
    transport = serializers.CharField()
    cores = serializers.FloatField()
    memory_bytes = serializers.FloatField()
    agent_cpu = serializers.IntegerField()
    agent_memory = serializers.IntegerField()


class TemplateSerializer(StrictSerializer, serializers.ModelSerializer[Template]):
    """A template of one kind of agent; an empty `topics` plays all but `excluded_topics`.

    `renames` gives topics of the rosbag other names. `rate` is a factor on recorded time, 0 as fast as
    possible. Where no message of the played topics was recorded for longer than `max_gap_seconds`, agents
    wait only that long; null keeps all gaps. `start_offset` and `end_offset` are seconds of recorded time
    after the first message of the played topics, null: to the end. `pass_gap` is the pause between passes
    in seconds. `clock_hz` is the rate of `/clock`, which then replaces a recorded one; 0: none. `restamp`
    sets the stamps of headers to the time of publication, `prefix_frames` prefixes frame IDs with the name
    of the agent. Before the start agents wait `match_seconds` for somebody who subscribes to each of
    `required_subscribers`. `definitions` maps message types to their definitions, where neither the rosbag
    nor its ROS distribution has them.

    On a cluster `agent_cpu` (thousandths of a core) and `agent_memory` (MiB) are reserved for each agent; a
    unit requests what the program itself needs, and that of all its agents. Their limits are the most that is
    used of either. Null: a default by the transport and by what is played.

    `unsupported_topics`: what a start does with topics whose names the transport of the mec cannot carry.
    """

    name = serializers.CharField(max_length=200)
    rosbag = serializers.IntegerField(source="rosbag_id", min_value=1, max_value=2**63 - 1)
    topics = TopicNamesField(required=False)
    excluded_topics = TopicNamesField(required=False)
    renames = serializers.DictField(child=serializers.CharField(), required=False)
    # Without the model's validators: the service reports all errors together.
    rate = serializers.FloatField(required=False)
    max_gap_seconds = serializers.FloatField(required=False, allow_null=True)
    required_subscribers = TopicNamesField(required=False)
    definitions = serializers.DictField(
        child=serializers.CharField(trim_whitespace=False), required=False
    )
    record_topics = RecordTopicSerializer(many=True, required=False)
    agent_cpu = serializers.IntegerField(required=False, allow_null=True)
    agent_cpu_limit = serializers.IntegerField(required=False, allow_null=True)
    agent_memory = serializers.IntegerField(required=False, allow_null=True)
    agent_memory_limit = serializers.IntegerField(required=False, allow_null=True)
    created_by = serializers.EmailField(source="created_by.email", read_only=True, allow_null=True)
    enforced = {
        **{name: bounds.schema for name, bounds in BOUNDS.items()},
        **{name: {"maxItems": MAX_TOPICS} for name in TOPIC_LISTS},
        "renames": {"maxProperties": MAX_TOPICS},
        "definitions": {"maxProperties": MAX_DEFINITIONS},
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
            "excluded_topics",
            "renames",
            "rate",
            "max_gap_seconds",
            "start_offset",
            "end_offset",
            "pass_gap",
            "clock_hz",
            "restamp",
            "prefix_frames",
            "required_subscribers",
            "match_seconds",
            "definitions",
            "record_topics",
            "record_own",
            "record_scope",
            "record_storage",
            "unsupported_topics",
            "agent_cpu",
            "agent_cpu_limit",
            "agent_memory",
            "agent_memory_limit",
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
