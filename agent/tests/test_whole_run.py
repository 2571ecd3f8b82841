"""A unit from registration to its last word, over the null transport."""

from collections import Counter
from pathlib import Path

from rosbags.rosbag2 import Reader

from agent.tests.conftest import CHATTER, MESSAGES, STEP_NS, states, until
from agent.tests.server import FakeServer

RECORD = [
    {"name": "/odom", "type": "std_msgs/msg/String"},
    {"name": "/answer", "type": "std_msgs/msg/String"},
]
AGENTS = [{"number": n, "namespace": f"/agent_{n}"} for n in (1, 2, 3)]


def test_every_message_is_published_for_every_agent(bag, serve, start):
    fake = FakeServer(bag, {"agents": AGENTS, "passes": 2}, lead_seconds=5)
    unit = start(serve(fake))
    assert unit.wait() == 0
    assert unit.exit == {"attempt": 1, "code": 0, "failure": "", "text": ""}
    last = fake.last
    assert last.final
    assert [agent.state for agent in last.agents] == ["COMPLETED"] * 3
    assert [agent.published for agent in last.agents] == [2 * MESSAGES] * 3
    assert [agent.passes for agent in last.agents] == [2] * 3
    assert [agent.published_bytes for agent in last.agents] == [
        2 * MESSAGES * (len(CHATTER) + 4)
    ] * 3
    assert not last.late
    assert states(fake.snapshots)[:3] == ["STARTING", "READY", "RUNNING"]
    assert fake.offers == []


def test_reports_lateness_and_skew_on_the_servers_clock(bag, serve, start):
    plan = {"agents": AGENTS, "rate": 0.25}
    fake = FakeServer(bag, plan, clock_ahead_ns=3_600_000_000_000)
    unit = start(serve(fake))
    assert unit.wait() == 0
    for agent in fake.last.agents:
        assert 0 <= agent.lateness_p50_us <= agent.lateness_p99_us
        # An hour of wrong clock must not show; the bound only tells it from a scheduling delay.
        assert abs(agent.start_skew_us) < 60e6
        assert agent.skew_uncertainty_us > 0
    span = 4 * (MESSAGES - 1) * STEP_NS
    # Both times are by estimates of the server's clock, which are as good as its quickest answers.
    assert fake.last.last_publication_ns - fake.release_ns >= span - 1_000_000_000


def test_sequence_and_counts_only_grow_and_the_log_arrives(bag, serve, start):
    fake = FakeServer(bag)
    unit = start(serve(fake))
    assert unit.wait() == 0
    numbers = [shot.sequence for shot in fake.snapshots]
    assert numbers == sorted(set(numbers))
    counts = [shot.agents[0].published for shot in fake.snapshots]
    assert counts == sorted(counts)
    assert '"event":"running"' in fake.log
    assert (unit.work_dir / "unit.log").read_text().startswith(fake.log)


def test_own_publications_are_recorded_as_a_valid_bag(bag, serve, start, tmp_path: Path):
    plan = {"agents": AGENTS, "record": RECORD, "record_own": False}
    fake = FakeServer(bag, plan, refuse={"put": [(503, "AWAY")] * 1000})
    unit = start(serve(fake))
    until(lambda: "UPLOADING" in states(fake.snapshots))
    fake.refuse.clear()
    assert unit.wait() == 0
    assert fake.recorded.total() == 3 * MESSAGES // 2
    assert fake.recorded["/agent_2/odom"] == MESSAGES // 2
    assert fake.recorded["/agent_2/answer"] == 0
    assert [(c.segments, c.dropped) for c in fake.closed] == [(1, 0)]
    with Reader(fake.save_recording(tmp_path / "stored")) as reader:
        messages = Counter(connection.topic for connection, _, _ in reader.messages())
        assert len({data for _, _, data in reader.messages()}) == MESSAGES // 2
    assert messages == {f"/agent_{n}/odom": MESSAGES // 2 for n in (1, 2, 3)}
    assert fake.last.recording.messages == 3 * MESSAGES // 2


def test_unpaced_replay_loses_nothing_of_the_recording(bag, serve, start):
    fake = FakeServer(bag, {"rate": 0, "passes": 500, "record": RECORD[:1]})
    unit = start(serve(fake))
    assert unit.wait() == 0
    agent = fake.last.agents[0]
    assert agent.published == 500 * MESSAGES
    assert agent.lateness_p50_us is None
    assert agent.lateness_p99_us is None
    assert fake.recorded.total() == 500 * MESSAGES // 2
    assert fake.closed[-1].dropped == 0


def test_a_late_agent_starts_at_once_and_is_marked(bag, serve, start):
    fake = FakeServer(bag, lead_seconds=-5)
    unit = start(serve(fake))
    assert unit.wait() == 0
    assert fake.last.late
    agent = fake.last.agents[0]
    assert agent.published == MESSAGES
    assert agent.start_skew_us + agent.skew_uncertainty_us >= 5e6
