"""Segments as hostile or confused units offer them: refused, or taken once."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from common.exceptions import DomainError
from simulations.exceptions import UnitRefusedError
from simulations.models import Recording, RecordingSegment
from simulations.services.runs import recording_contents, recording_uploads, recordings
from simulations.tests.conftest import MakeUnit
from simulations.tests.recording_unit import RecordingUnit, active, end
from storage.exceptions import UploadIncompleteError
from storage.models import Rosbag
from storage.objects import object_store
from storage.objects.base import StoreError
from storage.services.intake import abandoning, growing
from storage.services.rosbags import deletion

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "changes",
    [
        {"path": "metadata.yaml"},
        {"path": "../recording_1_0.mcap"},
        {"path": "recording_1_1.mcap"},
        {"path": "recording_2_0.mcap"},
        {"path": "recording_agent_1_1_0.mcap"},
        {"path": "recording_1_0.db3"},
        {"size": 0},
        {"size": -1},
        {"size": 2**60},
        {"sha256": ""},
        {"sha256": "x" * 64},
        {"segment": -1, "path": "recording_1_-1.mcap"},
        {"segment": 10**9, "path": "recording_1_1000000000.mcap"},
        {"first_ns": 2**62},
        {"topics": {"/agent_3/odom": 1}},
        {"topics": {"/odom": 1}},
        {"topics": {}},
        {"topics": {"/agent_1/odom": 0}},
        {"unit": 1},
        {"agent": 1},
        {"stage_run": 0},
    ],
)
def test_no_recorder_offers_this(make_unit: MakeUnit, changes: dict[str, Any]) -> None:
    unit = make_unit()
    segment = unit.close_segment(2)
    of_file = {name: changes.pop(name) for name in ("path", "size", "sha256") if name in changes}
    file = msgspec.structs.replace(segment.file, **of_file)
    with pytest.raises(DomainError) as refused:
        unit.offer(msgspec.structs.replace(segment, file=file, **changes))
    assert refused.value.status in {403, 422}
    assert not RecordingSegment.objects.exists()
    assert Recording.objects.get().status == "EXPECTED"


@pytest.mark.parametrize("name", ["first_ns", "size", "topics"])
def test_another_content_under_a_name(make_unit: MakeUnit, name: str) -> None:
    unit = make_unit()
    segment = unit.close_segment(2)
    unit.offer(segment)
    values = {
        "first_ns": {"first_ns": segment.first_ns - 1},
        "topics": {"topics": {"/agent_1/odom": 1}},
        "size": {"file": msgspec.structs.replace(segment.file, size=7)},
    }
    with pytest.raises(UnitRefusedError):
        unit.offer(msgspec.structs.replace(segment, **values[name]))
    assert end(unit.stage_run, "LOST") == "INCOMPLETE"


def test_fewer_messages_than_counted_are_no_complete_recording(make_unit: MakeUnit) -> None:
    unit = make_unit()
    segment = unit.close_segment(2)
    unit.finish(msgspec.structs.replace(segment, topics={"/agent_1/odom": 5, "/agent_2/odom": 5}))
    unit.close(message_count=10)
    assert end(unit.stage_run) == "INCOMPLETE"
    assert unit.recording.status == "PARTIAL"
    assert unit.recording.text.startswith("4 messages are stored, 10 were recorded.")


def test_a_segment_without_its_parts_is_not_stored(store: str, make_unit: MakeUnit) -> None:
    unit = make_unit()
    segment = unit.close_segment(2)
    sent = unit.send(segment, unit.offer(segment))
    rosbag = unit.recording.rosbag
    object_store().abort_uploads(f"rosbags/{rosbag.pk}/")
    with pytest.raises(UploadIncompleteError):
        unit.complete(sent)
    unit.finish(segment)
    assert RecordingSegment.objects.get().stored


def test_two_at_once(store: str, make_unit: MakeUnit, monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit asks again while its first request is still at work."""
    unit = make_unit()
    segment = unit.close_segment(2)

    def meanwhile(module: Any, name: str, again: Callable[[], Any]) -> None:
        step = getattr(module, name)

        def interrupted(*args: Any, **kwargs: Any) -> Any:
            monkeypatch.setattr(module, name, step)
            again()
            return step(*args, **kwargs)

        monkeypatch.setattr(module, name, interrupted)

    meanwhile(recording_uploads, "_add", lambda: unit.offer(segment))
    upload = unit.offer(segment)
    assert Rosbag.objects.filter(origin="recorded").count() == 1
    sent = unit.send(segment, upload)
    meanwhile(growing, "_join", lambda: unit.complete(sent))
    with pytest.raises(UploadIncompleteError):
        unit.complete(sent)
    assert unit.offer(segment).files == ()
    unit.complete(sent)
    meanwhile(recording_contents, "compose", unit.close)
    unit.close()
    assert end(unit.stage_run, published=2) == "COMPLETE"


@pytest.mark.parametrize(
    ("module", "step"),
    [
        (recording_uploads, "_add"),
        (growing, "add"),
        (growing, "complete"),
        (recording_contents, "seal"),
        (growing, "finish"),
    ],
)
def test_after_a_kill_the_call_is_repeated(
    make_unit: MakeUnit, monkeypatch: pytest.MonkeyPatch, module: Any, step: str
) -> None:
    unit = make_unit()
    segment = unit.close_segment(2)
    real = getattr(module, step)

    def killed(*args: Any, **kwargs: Any) -> Any:
        real(*args, **kwargs)
        raise KeyboardInterrupt

    def run() -> None:
        upload = unit.offer(segment)
        if upload.files:
            unit.complete(unit.send(segment, upload))
        unit.close()

    with monkeypatch.context() as patch:
        patch.setattr(module, step, killed)
        with pytest.raises(KeyboardInterrupt):
            run()
    run()
    assert end(unit.stage_run, published=2) == "COMPLETE"
    assert Rosbag.objects.filter(origin="recorded").count() == 1


def test_with_the_storage_away_the_recording_waits(
    make_unit: MakeUnit, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = make_unit()
    unit.upload(2)
    with monkeypatch.context() as patch:

        def away(*_args: Any) -> Any:
            raise StoreError("away")

        patch.setattr(growing, "stored_paths", away)
        with pytest.raises(StoreError):
            unit.close()
        assert recordings.close_finished(active(unit.stage_run)) == 1
        assert unit.recording.status == "VERIFYING"
    assert end(unit.stage_run, published=2) == "COMPLETE"


def test_a_growing_rosbag_is_kept(make_unit: MakeUnit) -> None:
    """Also when nothing was heard for days; and nobody deletes it."""
    unit = make_unit()
    unit.upload(2)
    long_ago = "2023-01-01T00:00Z"
    rows = Rosbag.objects.filter(origin="recorded")
    rows.update(created_at=long_ago, enqueued_at=long_ago)
    assert abandoning.stale().count() == 1
    assert abandoning.abandon_stale() == 0
    assert not abandoning.stale().exists()
    with pytest.raises(DomainError, match="is being recorded"):
        deletion.delete(rows.get())
    unit.close()
    assert end(unit.stage_run, published=2) == "COMPLETE"


def test_queries_do_not_grow_with_the_recordings(
    make_unit: MakeUnit, django_assert_max_num_queries: Any
) -> None:
    unit = make_unit(agents=100, record_scope="agent")
    agents = [RecordingUnit(unit.stage_run, unit.folder, agent=n) for n in range(1, 11)]
    assert Recording.objects.count() == 10
    agents[0].upload(1)
    for agent in agents[1:3]:
        segment = agent.close_segment(1)
        with django_assert_max_num_queries(20):
            upload = agent.offer(segment)
        sent = agent.send(segment, upload)
        with django_assert_max_num_queries(12):
            agent.complete(sent)
    stage = active(unit.stage_run)
    with django_assert_max_num_queries(1):
        recordings.close_superseded(stage)
