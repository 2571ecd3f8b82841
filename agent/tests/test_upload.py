"""Upload of the recording while storage or server fail."""

from collections import Counter

import pytest
from rosbags.rosbag2 import Reader

from agent.tests.conftest import MESSAGES
from agent.tests.server import FakeServer

PLAN = {
    "record": [{"name": "/odom", "type": "std_msgs/msg/String"}],
    "rate": 0,
    "passes": 200,
    "record_storage": "sqlite3",
}
RECORDED = 200 * MESSAGES // 2


@pytest.mark.parametrize("status", [403, 404, 410, 503])
def test_a_refused_part_is_sent_to_a_new_url(bag, serve, start, tmp_path, status):
    fake = FakeServer(bag, PLAN, refuse={"put": [(status, "EXPIRED")]})
    unit = start(serve(fake))
    assert unit.wait() == 0
    assert len(fake.offers) == 2
    assert len(fake.completions) == 1
    with Reader(fake.save_recording(tmp_path / "stored")) as reader:
        assert sum(1 for _ in reader.messages()) == RECORDED


def test_stored_parts_are_not_sent_again(bag, serve, start, tmp_path):
    fake = FakeServer(bag, PLAN, refuse={"complete": [(503, "AWAY")]})
    unit = start(serve(fake))
    assert unit.wait() == 0
    assert set(Counter(fake.puts).values()) == {1}
    finished = {
        (complete.file.path, part.number)
        for complete in fake.completions
        for part in complete.file.parts
    }
    assert finished == set(fake.parts)
    assert len(finished) > 1
    fake.save_recording(tmp_path / "stored")


def test_an_offer_is_repeated(bag, serve, start):
    fake = FakeServer(bag, PLAN, refuse={"offer": [(503, "AWAY"), (502, "")]})
    assert start(serve(fake)).wait() == 0
    assert len(fake.completions) == 1


def test_after_the_limit_the_failure_names_the_folder(bag, serve, start):
    fake = FakeServer(bag, PLAN | {"upload_limit_seconds": 1}, refuse={"put": [(503, "FULL")] * 99})
    unit = start(serve(fake))
    assert unit.wait() == 1
    assert fake.last.final
    assert fake.last.agents[0].state == "FAILED"
    assert fake.last.agents[0].published == 200 * MESSAGES
    assert fake.last.failure.code == "UPLOAD_FAILED"
    folder = unit.work_dir / "recording-1"
    assert str(folder) in fake.last.failure.text
    with Reader(folder / "recording_1_0") as reader:
        assert sum(1 for _ in reader.messages()) == RECORDED


def test_a_final_no_to_the_offer_fails(bag, serve, start):
    fake = FakeServer(bag, PLAN, refuse={"offer": [(422, "BAD_OFFER")]})
    unit = start(serve(fake))
    assert unit.wait() == 1
    assert fake.last.failure.code == "UPLOAD_FAILED"


def test_a_superseded_upload_reports_nothing_more(bag, serve, start):
    fake = FakeServer(bag, PLAN, refuse={"offer": [(409, "superseded")]})
    unit = start(serve(fake))
    assert unit.wait() == 2
    assert fake.completions == []
    assert not fake.last.final


def test_parts_that_the_storage_lost_are_sent_again(bag, serve, start, tmp_path):
    fake = FakeServer(bag, PLAN, refuse={"complete": [(409, "UPLOAD_INCOMPLETE")]})
    assert start(serve(fake)).wait() == 0
    assert len(fake.offers) == 2
    fake.save_recording(tmp_path / "stored")
