"""Stops: by the server, before the release, by a newer attempt."""

import time

from agent.protocol import Command
from agent.tests.conftest import MESSAGES, states, until, write_bag
from agent.tests.server import FakeServer

RECORD = [{"name": "/odom", "type": "std_msgs/msg/String"}]
FOREVER = {"passes": 1_000_000, "record": RECORD}


def published(fake: FakeServer) -> int:
    return fake.last.agents[0].published if fake.snapshots else 0


def test_a_stop_keeps_the_recording(bag, serve, start):
    fake = FakeServer(bag, FOREVER)
    unit = start(serve(fake))
    until(lambda: published(fake) > 5)
    told = fake.stop()
    assert unit.wait() == 0
    assert fake.last.agents[0].state == "STOPPED"
    # Of what was being published at the stop the report after it may not know yet.
    assert published(fake) - fake.snapshots[told + 1].agents[0].published <= 1
    assert fake.last.failure is None
    assert fake.recorded.total() == (fake.last.agents[0].published + 1) // 2
    assert len(fake.completions) == 1


def test_a_stop_while_the_next_message_is_far_away(tmp_path, serve, start):
    bag = write_bag(tmp_path / "gap", [0, 3_600_000_000_000])
    fake = FakeServer(bag)
    unit = start(serve(fake))
    until(lambda: published(fake) == 1)
    fake.command = Command.STOP
    assert unit.wait() == 0
    assert published(fake) == 1


def test_a_stop_before_the_release_offers_an_empty_recording(bag, serve, start):
    fake = FakeServer(bag, {"record": RECORD}, hold=True)
    unit = start(serve(fake))
    until(lambda: "READY" in states(fake.snapshots))
    fake.command = Command.STOP
    assert unit.wait() == 0
    assert fake.last.agents[0].state == "STOPPED"
    assert published(fake) == 0
    assert [(closed.segments, closed.message_count) for closed in fake.closed] == [(0, 0)]
    assert fake.completions == []
    assert fake.puts == []


def test_a_stop_before_the_release_without_recording_offers_nothing(bag, serve, start):
    fake = FakeServer(bag, lead_seconds=3600)
    unit = start(serve(fake))
    until(lambda: fake.release_ns)
    fake.command = Command.STOP
    assert unit.wait() == 0
    assert fake.offers == []


def test_a_stop_after_the_end_leaves_it_completed(bag, serve, start):
    fake = FakeServer(bag, {"record": RECORD}, refuse={"put": [(503, "AWAY")] * 1000})
    unit = start(serve(fake))
    until(lambda: "UPLOADING" in states(fake.snapshots))
    fake.command = Command.STOP
    fake.refuse.clear()
    assert unit.wait() == 0
    assert fake.last.agents[0].state == "COMPLETED"
    assert published(fake) == MESSAGES


def test_superseded_by_an_answer_uploads_nothing(bag, serve, start):
    fake = FakeServer(bag, FOREVER)
    unit = start(serve(fake))
    until(lambda: published(fake) > 0)
    fake.reason = "superseded"
    fake.command = Command.STOP
    assert unit.wait() == 2
    assert (unit.exit["code"], unit.exit["failure"]) == (2, "SUPERSEDED")
    assert fake.offers == []
    assert not fake.last.final


def test_superseded_by_a_conflict_uploads_nothing(bag, serve, start):
    fake = FakeServer(bag, FOREVER)
    unit = start(serve(fake))
    until(lambda: published(fake) > 0)
    fake.refuse["report"] = [(409, "superseded")]
    assert unit.wait() == 2
    assert fake.offers == []


def test_execution_time_ends_replay_while_a_message_is_far_away(tmp_path, serve, start):
    bag = write_bag(tmp_path / "gap", [0, 1_000_000, 3_600_000_000_000])
    fake = FakeServer(bag, {"execution_time": 2})
    began = time.monotonic()
    unit = start(serve(fake))
    assert unit.wait() == 0
    assert time.monotonic() - began >= 2
    assert fake.last.agents[0].state == "COMPLETED"
    assert published(fake) == 2
    assert fake.last.agents[0].passes == 0


def test_execution_time_ends_unpaced_replay(bag, serve, start):
    fake = FakeServer(bag, {"rate": 0, "passes": 1_000_000_000, "execution_time": 2})
    unit = start(serve(fake))
    assert unit.wait() == 0
    assert fake.last.agents[0].state == "COMPLETED"
    assert published(fake) > MESSAGES
