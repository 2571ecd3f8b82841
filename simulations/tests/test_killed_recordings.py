"""Recordings of real units that are killed: closed segments stay, and the lost span is said."""

from pathlib import Path
from typing import Any

import pytest
from rosbags.rosbag2 import Reader

from simulations.admin.event_sentences import event_sentence
from simulations.models import AgentRun, Execution, Recording, RecordingSegment
from simulations.services.runs import lifecycle
from simulations.tests.conftest import MESSAGES, Design, ended, until
from simulations.tests.processes import System, kill_all, unit_processes
from storage.models import Rosbag
from storage.objects import object_store

pytestmark = pytest.mark.django_db(transaction=True)

PASSES = 6
"""Of the unit that is killed: it still plays when its segments were seen, also on a busy machine."""


@pytest.fixture(autouse=True)
def short_segments(settings: Any) -> None:
    settings.RECORDING_SEGMENT_SECONDS = 0.5


def kill_after_segments(settings: Any, number: int) -> None:
    """Kill the units once so many segments are stored."""
    until(lambda: RecordingSegment.objects.filter(stored=True).count() >= number)
    until(lambda: kill_all(unit_processes(settings.DATA_DIR)))


def messages_of(rosbag: Rosbag, folder: Path) -> int:
    """Download a rosbag and count its messages with another reader."""
    for file in rosbag.files.all():
        object_store().fetch(file.key, folder / file.path)
    with Reader(folder) as reader:
        return sum(1 for _message in reader.messages())


def test_a_killed_unit_keeps_its_closed_segments(
    store: str, system: System, design: Design, settings: Any, tmp_path: Path, operator: Any
) -> None:
    system.controller()
    execution = lifecycle.start(design(2, repeat_count=100))
    kill_after_segments(settings, 3)
    ended(execution)
    assert (execution.failure_code, execution.data_status) == ("AGENT_LOST", "INCOMPLETE")
    recording = Recording.objects.select_related("rosbag").get()
    assert (recording.status, recording.rosbag.status) == ("PARTIAL", "ready")
    stored = messages_of(recording.rosbag, tmp_path / "downloaded")
    assert stored == recording.message_count == recording.rosbag.message_count > 0
    [span] = recording.lost_spans
    assert span["why"] == "UNIT_ENDED"
    assert span["began_at"] < span["ended_at"] < execution.ended_at.isoformat()
    [answer] = operator.get(f"/api/v1/executions/{execution.pk}/recordings").json()["results"]
    assert answer["segments_stored"] >= 3
    assert answer["lost_spans"][0]["text"].startswith("Lost: ")
    event = execution.events.get(kind="recording.status")
    assert "Recording of unit 0: stored in part: Lost: " in event_sentence(event)


def test_a_retry_keeps_the_recordings_of_both(
    system: System, design: Design, settings: Any, tmp_path: Path
) -> None:
    system.controller()
    execution = lifecycle.start(design(1, repeat_count=PASSES, retries=1))
    kill_after_segments(settings, 2)
    ended(execution)
    assert (execution.status, execution.data_status) == ("COMPLETED", "COMPLETE")
    assert_both(execution, tmp_path)


def assert_both(execution: Execution, folder: Path) -> None:
    rows = Recording.objects.select_related("rosbag").order_by("attempt")
    first, second = rows.filter(stage_run__execution=execution)
    assert [first.status, second.status] == ["PARTIAL", "STORED"]
    assert messages_of(second.rosbag, folder / "second") == PASSES * MESSAGES
    assert 0 < messages_of(first.rosbag, folder / "first") < PASSES * MESSAGES
    assert [run.status for run in AgentRun.objects.order_by("attempt")] == ["LOST", "COMPLETED"]
