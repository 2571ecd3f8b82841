"""Mecs and designs as the API takes and tells them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from simulations.models import Mec, Simulation, Stage
from simulations.services.design import StageSpec

LARGEST_ID = 2**63 - 1
LARGEST_INTEGER = 2**31 - 1
LARGEST_SMALL = 2**15 - 1


class MecSerializer(serializers.ModelSerializer[Mec]):
    """A system under test, and how agents reach it."""

    node_selector = serializers.DictField(child=serializers.CharField(), required=False)

    class Meta:
        model = Mec
        fields = [
            "id",
            "slug",
            "name",
            "transport",
            "endpoint",
            "discovery",
            "domain_id",
            "node_selector",
            "enabled",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["created_at", "updated_at"]


class StageSerializer(serializers.ModelSerializer[Stage]):
    """One stage; its position follows from its place in the list, times are in seconds."""

    # Only what the database can hold: the service finds all faults of sense in one go.
    template = serializers.IntegerField(source="template_id", min_value=1, max_value=LARGEST_ID)
    agent_count = serializers.IntegerField(min_value=-LARGEST_INTEGER, max_value=LARGEST_INTEGER)
    execution_time = serializers.FloatField(required=False)
    repeat_count = serializers.IntegerField(
        required=False, min_value=-LARGEST_INTEGER, max_value=LARGEST_INTEGER
    )
    delay_after = serializers.FloatField(required=False)
    retries = serializers.IntegerField(
        required=False, min_value=-LARGEST_SMALL, max_value=LARGEST_SMALL
    )
    min_success = serializers.IntegerField(
        required=False, min_value=-LARGEST_SMALL, max_value=LARGEST_SMALL
    )

    class Meta:
        model = Stage
        fields = [
            "position",
            "name",
            "template",
            "agent_count",
            "execution_time",
            "repeat_count",
            "delay_after",
            "assigned_area",
            "retries",
            "min_success",
            "continue_on_failure",
        ]
        read_only_fields = ["position"]


class SimulationSerializer(serializers.ModelSerializer[Simulation]):
    """A design: which templates run, how many agents each, against which mec."""

    name = serializers.CharField(max_length=200)
    mec = serializers.PrimaryKeyRelatedField(queryset=Mec.objects.all())
    stages = StageSerializer(many=True)
    latest_execution = serializers.IntegerField(
        source="latest_execution_id", read_only=True, allow_null=True
    )
    created_by = serializers.SerializerMethodField()

    class Meta:
        model = Simulation
        fields = [
            "id",
            "name",
            "description",
            "pattern",
            "mec",
            "namespace_prefix",
            "concurrent_executions",
            "stages",
            "latest_execution",
            "created_by",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["created_at", "updated_at"]

    @extend_schema_field(serializers.EmailField(allow_null=True))
    def get_created_by(self, simulation: Simulation) -> str | None:
        return str(simulation.created_by) if simulation.created_by else None

    def values(self) -> dict[str, Any]:
        """What the request sets, in the words of the service."""
        values = dict(self.validated_data)
        if "stages" in values:
            values["stages"] = [_spec(stage) for stage in values["stages"]]
        return values


def _spec(stage: dict[str, Any]) -> StageSpec:
    values = dict(stage)
    return StageSpec(template=values.pop("template_id"), **values)
