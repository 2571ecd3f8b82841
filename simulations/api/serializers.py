"""Serializers of mecs, simulations and deletions."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from agent.protocol import SECRET_NAME
from common.rest.filters import MAX_ID
from common.rest.reads.columns import Derived
from common.rest.serializers import StrictSerializer
from simulations.choices import (
    DeletionStatus,
    DesignStatus,
    MecTestResult,
    RunStatus,
    design_status,
)
from simulations.failures import deletion_error, mec_test_text
from simulations.models import Deletion, Mec, Simulation, Stage
from simulations.models.mec import ADDRESS, LOCATOR, MAX_ADDRESS, MAX_ADDRESSES
from simulations.services.designs.placement import (
    EFFECTS,
    MAX_TOLERATIONS,
    OPERATORS,
    selector_errors,
)
from simulations.services.designs.simulations import (
    MAX_PREFIX,
    MAX_STAGES,
    PREFIX,
    StageSpec,
    stage_bounds,
)

MAX_INTEGER = 2**31 - 1
MAX_SMALL_INTEGER = 2**15 - 1


class MecTestSerializer(serializers.Serializer[Any]):
    """Result of testing a mec; `text` says what to do, in the language of the request.

    `reachable` is null where the transport has no system under test. `round_trip_ms` is the shortest of some
    messages by way of the router; null: it was not measured.
    """

    reachable = serializers.BooleanField(allow_null=True)
    code = serializers.ChoiceField(choices=MecTestResult.choices)
    text = serializers.SerializerMethodField()
    detail = serializers.CharField()
    round_trip_ms = serializers.FloatField(allow_null=True)

    def get_text(self, result: dict[str, Any]) -> str:
        return mec_test_text(result)


class TolerationSerializer(StrictSerializer):
    """A taint of nodes on which units may run all the same, in Kubernetes' words.

    Without a key, and with the operator `Exists`, it is each taint. `Exists` has no value. An empty effect
    is each effect.
    """

    key = serializers.CharField(allow_blank=True, required=False, default="", max_length=317)
    operator = serializers.ChoiceField(choices=OPERATORS, required=False, default="Equal")
    value = serializers.CharField(allow_blank=True, required=False, default="", max_length=63)
    effect = serializers.ChoiceField(choices=EFFECTS, required=False, default="")


class MecSerializer(StrictSerializer, serializers.ModelSerializer[Mec]):
    """A system under test, and how agents reach it."""

    addresses = serializers.ListField(
        child=serializers.RegexField(f"^{ADDRESS.pattern}$", max_length=MAX_ADDRESS),
        required=False,
        max_length=MAX_ADDRESSES,
        help_text=Mec._meta.get_field("addresses").help_text,  # noqa: SLF001
    )
    node_selector = serializers.DictField(child=serializers.CharField(), required=False)
    tolerations = TolerationSerializer(many=True, required=False)
    last_test = MecTestSerializer(read_only=True, allow_null=True)
    last_tested_by = serializers.EmailField(
        source="last_tested_by.email", read_only=True, allow_null=True
    )
    enforced = {
        "endpoint": {"pattern": f"^({LOCATOR.pattern})?$"},
        "secret": {"pattern": f"^({SECRET_NAME})?$"},
        "tolerations": {"maxItems": MAX_TOLERATIONS},
    }

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
            "addresses",
            "zenoh_mode",
            "attachment",
            "secret",
            "node_selector",
            "tolerations",
            "enabled",
            "last_test",
            "last_tested_at",
            "last_tested_by",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["last_tested_at", "created_at", "updated_at"]

    def validate_node_selector(self, selector: dict[str, str]) -> dict[str, str]:
        """Refuse labels that Kubernetes would not accept."""
        if errors := selector_errors(selector):
            raise serializers.ValidationError(errors)
        return selector


class StageSerializer(StrictSerializer, serializers.ModelSerializer[Stage]):
    """One stage; its position is that in the list, times are in seconds."""

    # Limits of the columns only: the service reports all other errors of all stages at once.
    template = serializers.IntegerField(source="template_id", min_value=1, max_value=MAX_ID)
    agent_count = serializers.IntegerField(min_value=-MAX_INTEGER, max_value=MAX_INTEGER)
    execution_time = serializers.FloatField(required=False)
    repeat_count = serializers.IntegerField(
        required=False, min_value=-MAX_INTEGER, max_value=MAX_INTEGER
    )
    delay_after = serializers.FloatField(required=False)
    retries = serializers.IntegerField(
        required=False, min_value=-MAX_SMALL_INTEGER, max_value=MAX_SMALL_INTEGER
    )
    min_success = serializers.IntegerField(
        required=False, min_value=-MAX_SMALL_INTEGER, max_value=MAX_SMALL_INTEGER
    )
    lost_messages_allowed = serializers.IntegerField(
        required=False, min_value=-MAX_INTEGER, max_value=MAX_INTEGER
    )

    enforced = {name: bounds.schema for name, bounds in stage_bounds().items()}

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
            "lost_messages_allowed",
            "continue_on_failure",
            "no_messages_allowed",
        ]
        read_only_fields = ["position"]


@extend_schema_field(serializers.ChoiceField(choices=DesignStatus.choices))
class DesignStatusField(Derived):
    """The status of a simulation."""

    def __init__(self) -> None:
        super().__init__("deleted_at", "deleting", "stage_count", of=design_status)


class SimulationRowSerializer(StrictSerializer, serializers.ModelSerializer[Simulation]):
    """A simulation in a list, with the counts of its stages and agents."""

    name = serializers.CharField(max_length=200)
    mec = serializers.PrimaryKeyRelatedField(queryset=Mec.objects.all())
    status = DesignStatusField()
    stage_count = serializers.IntegerField(read_only=True)
    agent_count = serializers.IntegerField(read_only=True)
    latest_execution = serializers.IntegerField(
        source="latest_execution_id", read_only=True, allow_null=True
    )
    latest_status = serializers.ChoiceField(
        source="latest_execution.status",
        choices=RunStatus.choices,
        read_only=True,
        allow_null=True,
    )
    created_by = serializers.EmailField(source="created_by.email", read_only=True, allow_null=True)

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
            "status",
            "stage_count",
            "agent_count",
            "latest_execution",
            "latest_status",
            "created_by",
            "created_at",
            "updated_at",
            "deleted_at",
        ]
        read_only_fields = ["created_at", "updated_at", "deleted_at"]


class SimulationSerializer(SimulationRowSerializer):
    """A simulation with its stages: which templates run, how many agents each."""

    stages = StageSerializer(many=True)
    enforced = {
        "stages": {"maxItems": MAX_STAGES},
        "namespace_prefix": {"pattern": f"^{PREFIX.pattern}$", "maxLength": MAX_PREFIX},
    }

    class Meta(SimulationRowSerializer.Meta):
        fields = [*SimulationRowSerializer.Meta.fields, "stages"]

    def values(self) -> dict[str, Any]:
        """Return the validated data as arguments of the service."""
        values = dict(self.validated_data)
        if "stages" in values:
            values["stages"] = [_spec(stage) for stage in values["stages"]]
        return values


class CloneSerializer(StrictSerializer):
    """The name of the copy; if empty, derived from the original's."""

    name = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)


class OrderSerializer(StrictSerializer):
    """The current positions of the stages, in the new order."""

    order = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MAX_SMALL_INTEGER), max_length=100
    )


class StepSerializer(serializers.Serializer[Any]):
    """One step of a deletion."""

    name = serializers.CharField()
    status = serializers.ChoiceField(choices=DeletionStatus.choices)


@extend_schema_field(serializers.CharField())
class DeletionErrorField(Derived):
    """Why a deletion waits or failed, in the language of the request."""

    def __init__(self) -> None:
        super().__init__("error_code", "error", of=deletion_error)


class DeletionSerializer(serializers.ModelSerializer[Deletion]):
    """The deletion of a simulation; `progress` in percent, `error` says why it waits or failed."""

    simulation = serializers.IntegerField(source="simulation_id", read_only=True)
    steps = StepSerializer(many=True, read_only=True)
    error = DeletionErrorField()
    requested_by = serializers.SerializerMethodField()

    class Meta:
        model = Deletion
        fields = [
            "id",
            "simulation",
            "name",
            "permanent",
            "status",
            "steps",
            "progress",
            "error",
            "requested_by",
            "created_at",
            "started_at",
            "ended_at",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.EmailField(allow_null=True))
    def get_requested_by(self, deletion: Deletion) -> str | None:
        return str(deletion.requested_by) if deletion.requested_by else None


def _spec(stage: dict[str, Any]) -> StageSpec:
    values = dict(stage)
    return StageSpec(template=values.pop("template_id"), **values)
