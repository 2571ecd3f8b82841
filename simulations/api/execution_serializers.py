"""Serializers of executions and their parts."""

from typing import Any, cast

import msgspec
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from common.exceptions import FieldError
from common.rest.reads.columns import Derived
from common.rest.serializers import StrictSerializer
from simulations.choices import Blame, DataStatus, LossReason, RunStatus, blame
from simulations.failures import failure_text, lost_span_text, stopped_by, warning_texts
from simulations.models import AgentRun, Event, Execution, Recording
from simulations.services.plan_difference import Change, Difference
from simulations.services.progress.progress import progress_of, waiting_texts
from simulations.services.runs.repeats import Repeats


class PartProgressSerializer(serializers.Serializer[Any]):
    """Progress of an execution or a stage: agents by status, the expected end, and its units' CPU and memory.

    `cpu_seconds` includes earlier attempts; `cpu_cores` and `memory_bytes` are those of now;
    `memory_peak_bytes` adds the peaks of units that run at the same time. Null: no unit has reported it.
    `cpu_cores_requested` and `memory_requested_bytes` are reserved by a cluster for all units; null: nothing.
    """

    status = serializers.ChoiceField(choices=RunStatus.choices)
    agents = serializers.DictField(child=serializers.IntegerField())
    planned_agents = serializers.IntegerField()
    messages_published = serializers.IntegerField()
    messages_undelivered = serializers.IntegerField()
    expected_end = serializers.DateTimeField(allow_null=True)
    cpu_seconds = serializers.FloatField(allow_null=True)
    cpu_cores = serializers.FloatField(allow_null=True)
    memory_bytes = serializers.IntegerField(allow_null=True)
    memory_peak_bytes = serializers.IntegerField(allow_null=True)
    cpu_cores_requested = serializers.FloatField(allow_null=True)
    memory_requested_bytes = serializers.IntegerField(allow_null=True)


class OutageSerializer(serializers.Serializer[Any]):
    """Time in which messages may not have arrived; no end: the connection did not come back."""

    began_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    messages = serializers.IntegerField()


class StageOutageSerializer(OutageSerializer):
    """An outage of a stage's units; `messages` of all of them."""

    stage = serializers.IntegerField()


class WaitingSerializer(serializers.Serializer[Any]):
    """Cause why units do not run yet; `code` is one of the failure codes, `reason` the backend's message."""

    code = serializers.CharField()
    reason = serializers.CharField()
    units = serializers.IntegerField()


class StageWaitingSerializer(WaitingSerializer):
    """Units of a stage that wait; `text` says why and what to do, in the language of the request."""

    stage = serializers.IntegerField()
    text = serializers.CharField()


class StageProgressSerializer(PartProgressSerializer):
    """Progress of one stage; `waiting` is null when none of its units is known to wait."""

    position = serializers.IntegerField()
    name = serializers.CharField()
    percent = serializers.FloatField()
    waiting = WaitingSerializer(allow_null=True)


class ProgressSerializer(PartProgressSerializer):
    """Progress of an execution; `overall` in percent, `last_event` is its newest sequence number."""

    data_status = serializers.ChoiceField(choices=DataStatus.choices)
    overall = serializers.FloatField()
    as_of = serializers.DateTimeField()
    last_event = serializers.IntegerField()
    stages = StageProgressSerializer(many=True)
    outages = StageOutageSerializer(many=True)


@extend_schema_field(serializers.ChoiceField(choices=Blame.choices))
class BlameField(Derived):
    """The party that caused a failure; empty if there is no failure or nobody caused it."""

    def __init__(self) -> None:
        super().__init__("failure_code", of=blame)


@extend_schema_field(serializers.CharField())
class FailureTextField(Derived):
    """Cause and remedy of a failure, in the language of the request."""

    def __init__(self) -> None:
        super().__init__("failure_code", "failure_values", "failure_text", of=failure_text)


class ExecutionWarningSerializer(serializers.Serializer[Any]):
    """Something about a stage that did not fail it; `code` is one of the failure codes."""

    code = serializers.CharField()
    stage = serializers.IntegerField()
    text = serializers.CharField()


@extend_schema_field(ExecutionWarningSerializer(many=True))
class WarningsField(Derived):
    """Warnings of an execution, in the language of the request."""

    def __init__(self) -> None:
        super().__init__("warnings", of=warning_texts)


@extend_schema_field(serializers.CharField(allow_null=True))
class StoppedByField(Derived):
    """The e-mail address of the user who stopped it, or what did: such as `interrupt` (Ctrl-C)."""

    def __init__(self) -> None:
        super().__init__("stopped_by__email", "failure_values", of=stopped_by)


class ExecutionSerializer(serializers.ModelSerializer[Execution]):
    """One run of a simulation; `blame` names the party that caused its failure.

    `started_at` is the release of its first agents that began to play; null if none did.
    """

    simulation = serializers.IntegerField(source="simulation_id")
    blame = BlameField()
    failure_text = FailureTextField()
    warnings = WarningsField()
    requested_by = serializers.EmailField(
        source="requested_by.email", read_only=True, allow_null=True
    )
    stopped_by = StoppedByField()

    class Meta:
        model = Execution
        fields = [
            "id",
            "simulation",
            "number",
            "status",
            "data_status",
            "failure_code",
            "failure_text",
            "blame",
            "warnings",
            "again_of",
            "requested_by",
            "stopped_by",
            "created_at",
            "started_at",
            "stop_asked_at",
            "ended_at",
        ]
        read_only_fields = fields


class StartErrorSerializer(serializers.Serializer[FieldError]):
    """A reason why a start would be refused, as in a problem document."""

    pointer = serializers.CharField()
    detail = serializers.CharField()
    code = serializers.CharField()


class DifferenceSerializer(serializers.Serializer[Difference]):
    """One difference of two plans; `before` and `after` are the values that the plans have.

    `stage` is the position in the second plan, or in the first if it was removed; null: the plan itself. Of a
    stage that was added or removed the value is its number of agents.
    """

    change = serializers.ChoiceField(choices=[change.value for change in Change])
    stage = serializers.IntegerField(allow_null=True)
    stage_name = serializers.CharField()
    field = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class RepeatsSerializer(serializers.Serializer[Repeats]):
    """Differences of a run with `latest`, and the reasons why either way would be refused now."""

    differences = DifferenceSerializer(many=True)
    same_errors = StartErrorSerializer(many=True)
    latest_errors = StartErrorSerializer(many=True)


class AgainSerializer(StrictSerializer):
    """The plan to run: `same` is the frozen plan, `latest` the simulation as it is now."""

    plan = serializers.ChoiceField(choices=["same", "latest"], default="same")


class UnitLogSerializer(serializers.Serializer[dict[str, Any]]):
    """The end of the log of one attempt of a unit; `live` while more may come."""

    stage = serializers.IntegerField()
    unit = serializers.IntegerField()
    attempt = serializers.IntegerField()
    live = serializers.BooleanField()
    text = serializers.CharField()


class ExecutionDetailSerializer(ExecutionSerializer):
    """An execution with its frozen plan, its progress, and why units of its stages wait."""

    plan = serializers.JSONField(read_only=True)
    progress = serializers.SerializerMethodField()
    waiting = serializers.SerializerMethodField()

    class Meta(ExecutionSerializer.Meta):
        fields = [*ExecutionSerializer.Meta.fields, "plan", "progress", "waiting"]
        read_only_fields = fields

    @extend_schema_field(StageWaitingSerializer(many=True))
    def get_waiting(self, execution: Execution) -> list[dict[str, Any]]:
        return waiting_texts(progress_of(execution))

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, execution: Execution) -> dict[str, Any]:
        return cast(dict[str, Any], msgspec.to_builtins(progress_of(execution)))


@extend_schema_field(OutageSerializer(many=True))
class OutagesField(Derived):
    """Outages of the agent's connection, with its own messages."""

    def __init__(self) -> None:
        super().__init__("outages", of=lambda outages: outages or [])


class AgentRunSerializer(serializers.ModelSerializer[AgentRun]):
    """One attempt of one agent; lateness and skew in microseconds."""

    stage = serializers.IntegerField(source="stage_run.position", read_only=True)
    outages = OutagesField()
    blame = BlameField()
    failure_text = FailureTextField()

    class Meta:
        model = AgentRun
        fields = [
            "id",
            "stage",
            "number",
            "attempt",
            "unit",
            "status",
            "late",
            "failure_code",
            "failure_text",
            "blame",
            "last_log",
            "published",
            "published_bytes",
            "messages_undelivered",
            "messages_late",
            "messages_unchanged",
            "outages",
            "passes",
            "lateness_p50_us",
            "lateness_p99_us",
            "start_skew_us",
            "skew_uncertainty_us",
            "last_publication_at",
            "unit_cpu_seconds",
            "unit_memory_peak_bytes",
            "created_at",
            "ended_at",
        ]
        read_only_fields = fields


class LostTimeSerializer(serializers.Serializer[Any]):
    """Time of which a recording has nothing; `text` says why."""

    began_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField()
    why = serializers.ChoiceField(choices=LossReason.choices)
    text = serializers.CharField()


@extend_schema_field(LostTimeSerializer(many=True))
class LostSpansField(Derived):
    """Lost spans in the language of the request."""

    def __init__(self) -> None:
        super().__init__("lost_spans", of=self._of)

    @staticmethod
    def _of(spans: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
        names = ("began_at", "ended_at", "why")
        return [
            {**{name: span[name] for name in names}, "text": lost_span_text(span)}
            for span in spans or []
        ]


class RecordingSerializer(serializers.ModelSerializer[Recording]):
    """The expected recording of one attempt of a unit, or of one agent; `rosbag` is the stored bundle.

    Of a `superseded` one a newer attempt has recorded all of it again.
    """

    stage = serializers.IntegerField(source="stage_run.position", read_only=True)
    rosbag = serializers.IntegerField(source="rosbag_id", read_only=True, allow_null=True)
    topics = serializers.ListField(child=serializers.JSONField(), read_only=True)
    superseded = serializers.BooleanField(read_only=True)
    segments_stored = serializers.IntegerField(read_only=True)
    stored_bytes = serializers.IntegerField(read_only=True)
    lost_spans = LostSpansField()

    class Meta:
        model = Recording
        fields = [
            "id",
            "stage",
            "unit",
            "agent",
            "attempt",
            "superseded",
            "topics",
            "status",
            "segments_stored",
            "stored_bytes",
            "message_count",
            "dropped",
            "lost_spans",
            "text",
            "rosbag",
            "updated_at",
        ]
        read_only_fields = fields


class TopicSubscribersSerializer(serializers.Serializer[Any]):
    """Subscribers of one played topic when the agents of a stage started.

    `agents` had a subscriber, of the `of_agents` whose units have started; `fewest` and `most` are the
    subscribers of one agent's publisher. A transport that only knows whether there are any says 0 or 1.
    """

    stage = serializers.IntegerField()
    topic = serializers.CharField()
    published_as = serializers.CharField()
    subscriber_required = serializers.BooleanField()
    agents = serializers.IntegerField()
    of_agents = serializers.IntegerField()
    fewest = serializers.IntegerField()
    most = serializers.IntegerField()


class EventSerializer(serializers.ModelSerializer[Event]):
    """One entry of the timeline."""

    actor = serializers.EmailField(source="actor.email", read_only=True, allow_null=True)
    payload = serializers.DictField(read_only=True)

    class Meta:
        model = Event
        fields = ["sequence", "time", "kind", "actor", "payload"]
        read_only_fields = fields
