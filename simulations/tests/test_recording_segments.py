"""Recordings that come in segments while the run goes on."""

import hashlib
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.db import connections

from rosbag2.formats.metadata import read_metadata
from simulations.exceptions import SegmentsMissingError, SupersededError, UnitRefusedError
from simulations.models import AgentRun, Recording
from simulations.services.runs import lost_spans, recordings
from simulations.tests.conftest import MakeUnit, registered
from simulations.tests.recording_unit import STEP_NS, RecordingUnit, active, end
from storage.models import Rosbag
from storage.objects import object_store

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_segments_become_one_rosbag(
    store: str, make_unit: MakeUnit, storage: str, tmp_path: Path
) -> None:
    unit = make_unit(record_storage=storage)
    for messages in (3, 1, 4):
        unit.upload(messages)
    assert unit.recording.status == "UPLOADING"
    unit.close()
    unit.close()
    assert end(unit.stage_run, published=8) == "COMPLETE"
    rosbag = unit.recording.rosbag
    assert rosbag is not None
    assert (unit.recording.status, unit.recording.message_count) == ("STORED", 16)
    assert (rosbag.status, rosbag.warnings) == ("ready", [])
    assert (rosbag.storage_id, rosbag.message_count) == (storage, 16)
    assert rosbag.duration_ns == 7 * STEP_NS
    downloaded = tmp_path / "downloaded"
    for file in rosbag.files.all():
        object_store().fetch(file.key, downloaded / file.path)
        content = (downloaded / file.path).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file.sha256
    metadata = read_metadata(downloaded)
    assert [entry.message_count for entry in metadata.file_entries] == [6, 2, 8]


def test_a_killed_unit_keeps_its_closed_segments(store: str, make_unit: MakeUnit) -> None:
    unit = make_unit()
    unit.upload(3)
    unit.upload(2)
    unit.offer(unit.close_segment(4))  # never sent
    assert end(unit.stage_run, "LOST", published=9) == "INCOMPLETE"
    recording = unit.recording
    assert (recording.status, recording.message_count) == ("PARTIAL", 10)
    [span] = recording.lost_spans
    assert span["why"] == "UNIT_ENDED"
    assert span["began_at"] == "2023-11-14T22:13:24.000000+00:00"
    assert span["ended_at"] == "2023-11-14T22:14:00.000000+00:00"
    assert recording.rosbag.usable
    assert recording.rosbag.message_count == 10
    assert recording.rosbag.files.count() == 3
    [sentence] = recording.rosbag.lost_sentences
    assert "recording_1_2.mcap" in sentence


@pytest.mark.django_db(transaction=True)
def test_a_segment_that_comes_while_its_recording_is_sealed_is_refused(
    make_unit: MakeUnit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server may still work on the last request of a unit that was killed."""
    unit = make_unit()
    unit.upload(3)
    segment = unit.close_segment(2)
    last = unit.send(segment, unit.offer(segment))
    count, refused = lost_spans.of_unfinished, []

    def complete() -> None:
        try:
            unit.complete(last)
        except UnitRefusedError as error:
            refused.append(error)
        finally:
            connections.close_all()

    thread = Thread(target=complete)

    def meanwhile(*segments: Any) -> Any:
        thread.start()
        thread.join(1)  # long enough for it to come in between
        return count(*segments)

    monkeypatch.setattr(lost_spans, "of_unfinished", meanwhile)
    end(unit.stage_run, "LOST", published=5)
    thread.join()
    recording = unit.recording
    assert refused
    assert recording.rosbag is not None
    assert recording.rosbag.usable
    assert recording.message_count == recording.rosbag.message_count == 6


def test_a_retry_replaces_nothing(make_unit: MakeUnit) -> None:
    first = make_unit()
    first.upload(3)
    AgentRun.objects.update(status="LOST", published=5, ended_at="2023-11-14T22:14:00Z")
    attempt = registered(first.stage_run)
    second = RecordingUnit(first.stage_run, first.folder, attempt=attempt)
    with pytest.raises(SupersededError):
        first.finish(first.close_segment(2))
    with pytest.raises(SupersededError):
        first.close()
    recordings.close_superseded(active(first.stage_run))
    assert first.recording.status == "VERIFYING"
    second.upload(5)
    second.close()
    assert end(first.stage_run, published=5) == "COMPLETE"
    assert [first.recording.status, second.recording.status] == ["PARTIAL", "STORED"]
    assert first.recording.rosbag.message_count == 6
    assert second.recording.rosbag.message_count == 10
    assert list(Recording.objects.superseded()) == [first.recording]


def test_each_agent_has_a_recording(make_unit: MakeUnit) -> None:
    unit = make_unit(record_scope="agent")
    agents = [RecordingUnit(unit.stage_run, unit.folder, agent=number) for number in (1, 2)]
    assert Recording.objects.count() == 2
    agents[0].upload(3)
    agents[0].close()
    agents[1].upload(2)
    agents[1].close()
    assert agents[0].recording.topics == ["/agent_1/odom"]
    assert end(unit.stage_run, published=3) == "INCOMPLETE"
    assert agents[0].recording.status == "STORED"
    assert agents[1].recording.status == "PARTIAL"
    assert agents[1].recording.text.startswith("1 messages of its own agents")


def test_nothing_recorded(make_unit: MakeUnit) -> None:
    unit = make_unit()
    unit.close()
    assert end(unit.stage_run) == "COMPLETE"
    assert unit.recording.status == "EMPTY"


def test_dropped_messages_are_a_loss(make_unit: MakeUnit) -> None:
    unit = make_unit()
    unit.close(dropped=7)
    assert end(unit.stage_run) == "INCOMPLETE"
    assert unit.recording.status == "LOST"
    assert "7" in unit.recording.text


def test_a_unit_that_never_recorded_is_a_loss(make_unit: MakeUnit) -> None:
    unit = make_unit()
    assert end(unit.stage_run, "LOST") == "INCOMPLETE"
    assert unit.recording.status == "LOST"
    assert unit.recording.lost_spans
    assert not Rosbag.objects.filter(origin="recorded").exists()


def test_what_a_restored_storage_lacks_is_said(make_unit: MakeUnit) -> None:
    unit = make_unit()
    for messages in (3, 2, 1):
        unit.upload(messages)
    rosbag = unit.recording.rosbag
    object_store().delete([f"rosbags/{rosbag.pk}/recording_1_1.mcap"])
    unit.close()
    assert end(unit.stage_run, published=6) == "INCOMPLETE"
    assert unit.recording.status == "PARTIAL"
    [span] = unit.recording.lost_spans
    assert (span["segment"], span["why"]) == (1, "NOT_STORED")
    assert unit.recording.rosbag.message_count == 8


def test_a_recording_is_closed_with_all_its_segments(make_unit: MakeUnit) -> None:
    unit = make_unit()
    unit.upload(1)
    late = unit.close_segment(1)
    with pytest.raises(SegmentsMissingError, match=r"\(1\)"):
        unit.close()
    unit.finish(late)
    unit.close()
    with pytest.raises(UnitRefusedError):
        unit.offer(unit.close_segment(1))
    assert unit.offer(late).files == ()
