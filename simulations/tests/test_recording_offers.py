"""Recordings that are offered twice, too late, or empty."""

from typing import Any

import pytest

from agent.protocol import RecordedFile, RecordingOffer
from simulations.exceptions import UnitRefusedError
from simulations.models import AgentRun, Recording, StageRun
from simulations.services.plan import plan_of
from simulations.services.runs import lifecycle, recording_uploads, recordings
from simulations.services.runs.active_stage import ActiveStage
from simulations.tests.conftest import Design
from storage.models import Rosbag
from storage.services.intake import abandoning, uploads

pytestmark = pytest.mark.django_db
FILES = (RecordedFile(path="a.db3", size=10, sha256="0" * 64),)


@pytest.fixture
def stage_run(design: Design) -> StageRun:
    """A stage of one agent, whose second attempt plays."""
    execution = lifecycle.start(design(1))
    StageRun.objects.update(status="RUNNING", handle="there")
    stage_run = execution.stage_runs.get()
    recordings.create_expected(ActiveStage(stage_run, plan_of(execution)))
    AgentRun.objects.create(stage_run=stage_run, number=1, unit=0, attempt=2)
    return stage_run


def offer(stage_run: StageRun, files: tuple[RecordedFile, ...] = FILES, **kwargs: Any) -> Any:
    fields = {"unit": 0, "attempt": 2, "message_count": len(files), "topics": {}, "dropped": 0}
    message = RecordingOffer(stage_run=stage_run.pk, files=files, **{**fields, **kwargs})
    return recording_uploads.offer(stage_run.execution_id, message)


def test_concurrent_offers_share_one_upload(
    stage_run: StageRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The unit asked again while the first request was still at work."""
    find = recording_uploads._recording_of

    def found_before_second_offer(current: Any) -> Recording:
        monkeypatch.undo()
        recording = find(current)
        uploads_offered.append(offer(stage_run))
        return recording

    uploads_offered: list[Any] = []
    monkeypatch.setattr(recording_uploads, "_recording_of", found_before_second_offer)
    uploads_offered.append(offer(stage_run))
    first, second = uploads_offered
    assert first.files[0].upload_id == second.files[0].upload_id
    assert Rosbag.objects.filter(status="uploading").count() == 1


@pytest.mark.parametrize("where", ["begin", "sign_part_urls"])
def test_offer_after_a_kill_is_the_only_upload(
    stage_run: StageRun, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    step = getattr(uploads, where)

    def killed(*args: Any, **kwargs: Any) -> Any:
        step(*args, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(uploads, where, killed)
        with pytest.raises(KeyboardInterrupt):
            offer(stage_run)
    offer(stage_run)
    assert list(Rosbag.objects.filter(origin="recorded")) == [Recording.objects.get().rosbag]


def test_closed_recording_is_not_reopened(stage_run: StageRun) -> None:
    Recording.objects.update(status="LOST", text="gone")
    with pytest.raises(UnitRefusedError):
        offer(stage_run)
    assert Recording.objects.get().status == "LOST"
    assert not Rosbag.objects.filter(origin="recorded").exists()


def test_empty_recording_reports_dropped_messages(stage_run: StageRun) -> None:
    offer(stage_run, (), dropped=7)
    recordings.close_finished(ActiveStage(stage_run, plan_of(stage_run.execution)))
    recording = Recording.objects.get()
    assert recording.status == "LOST"
    assert "7" in recording.text


def test_empty_offer_replaces_upload_of_older_attempt(stage_run: StageRun) -> None:
    AgentRun.objects.update(attempt=1)
    offer(stage_run, attempt=1)
    AgentRun.objects.update(attempt=2)
    offer(stage_run, ())
    assert not Rosbag.objects.living().filter(origin="recorded").exists()
    assert abandoning.unfinished().filter(origin="recorded").count() == 1
    recordings.close_finished(ActiveStage(stage_run, plan_of(stage_run.execution)))
    assert Recording.objects.get().status == "EMPTY"


@pytest.mark.parametrize(("invalid", "status"), [(2, "STORED"), (1, "LOST")])
def test_what_is_stored_but_cannot_be_played_is_no_loss(
    stage_run: StageRun, invalid: int, status: str
) -> None:
    """Others may publish on a recorded topic what is no CDR."""
    warning = {"code": "MESSAGES_INVALID", "details": {"messages": invalid}}
    rosbag = Rosbag.objects.create(
        name="a", status="ready_with_warnings", message_count=8, warnings=[warning]
    )
    Recording.objects.update(status="VERIFYING", message_count=10, rosbag=rosbag)
    recordings.close_finished(ActiveStage(stage_run, plan_of(stage_run.execution)))
    assert Recording.objects.get().status == status


def test_query_count_is_independent_of_open_recordings(
    stage_run: StageRun, django_assert_max_num_queries: Any
) -> None:
    rosbag = [Rosbag.objects.create(name=str(n), status="verifying") for n in range(20)]
    for number, each in enumerate(rosbag, 1):
        Recording.objects.create(
            stage_run=stage_run, unit=number, status="VERIFYING", message_count=1, rosbag=each
        )
    Recording.objects.filter(unit=0).delete()
    with django_assert_max_num_queries(2):
        assert recordings.close_finished(ActiveStage(stage_run, plan_of(stage_run.execution))) == 20
