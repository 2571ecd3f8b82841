"""Rows read by columns are what the serializers make of instances."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.settings import api_settings

from accounts.models import User
from common.rest.reads import columns
from simulations.api import execution_serializers, simulations
from simulations.api.serializers import SimulationRowSerializer, StageSerializer
from simulations.choices import FailureCode
from simulations.models import AgentRun, Event, Execution, Recording, Simulation, Stage
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Design
from templates.api.serializers import TemplateSerializer
from templates.models import Template


@pytest.fixture
def run(design: Design) -> Execution:
    """An execution that failed, with an agent and a recording; a second simulation that nobody made."""
    user = User.objects.create_user("kim@example.org")
    simulation = design(2, 3, assigned_area="hall", retries=1)
    Simulation.objects.update(created_by=user)
    Template.objects.update(record_topics=[{"name": "/odom", "type": "x"}], rate=0.5)
    execution = lifecycle.start(simulation, requested_by=user)
    first = execution.stage_runs.get(position=1)
    AgentRun.objects.create(
        stage_run=first, number=1, unit=0, lateness_p99_us=1.5, failure_code="AGENT_LOST"
    )
    span = {"segment": 1, "why": "UNIT_ENDED"}
    times = {"began_at": "2026-01-01T00:00:00+00:00", "ended_at": "2026-01-01T00:00:30+00:00"}
    lost = {"attempt": 1, "lost_spans": [span | times]}
    recording = Recording.objects.create(stage_run=first, unit=0, topics=["/a"], **lost)
    Recording.objects.create(stage_run=first, unit=0, topics=["/a"], attempt=2)
    segment = {"size": 7, "first_ns": 1, "last_ns": 2, "message_count": 3, "stored": True}
    recording.segments.create(number=0, **segment)
    failed = {"failure_code": FailureCode.AGENT_LOST, "failure_text": "gone", "stopped_by": user}
    lifecycle.move_execution(execution, ["PENDING"], "FAILED", **failed)
    design(1, name="other").stages.all().delete()
    Simulation.objects.filter(name="other").update(deleted_at=timezone.now())
    return execution


@pytest.mark.parametrize(
    ("serializer", "queryset"),
    [
        (SimulationRowSerializer, simulations.annotated_simulations),
        (StageSerializer, Stage.objects.all),
        (TemplateSerializer, Template.objects.all),
        (execution_serializers.ExecutionSerializer, Execution.objects.all),
        (execution_serializers.AgentRunSerializer, AgentRun.objects.all),
        (
            execution_serializers.RecordingSerializer,
            lambda: Recording.objects.with_segments().with_superseded(),
        ),
        (execution_serializers.EventSerializer, Event.objects.all),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Seoul"])
def test_columns_and_instances_serialize_equally(
    serializer: Any,
    queryset: Callable[[], Any],
    zone: str,
    run: Execution,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.TIME_ZONE = zone
    monkeypatch.setattr(columns, "IN_UTC", zone == "UTC")
    read = columns.columns_of(serializer)
    rows = [read.to_dict(row) for row in queryset().order_by("pk").values(*read.paths)]
    usual = JSONRenderer().render(serializer(queryset().order_by("pk"), many=True).data)
    assert rows
    render = api_settings.DEFAULT_RENDERER_CLASSES[0]().render
    assert json.loads(render(rows)) == json.loads(usual)
    assert [list(row) for row in rows] == [list(row) for row in json.loads(usual)]


def test_a_field_that_needs_an_instance_is_refused() -> None:
    class Odd(serializers.Serializer[Any]):
        word = serializers.SerializerMethodField()

    with pytest.raises(TypeError, match="word of Odd"):
        columns.columns_of(Odd)
