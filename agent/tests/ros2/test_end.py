"""Ends of runs over DDS: by a stop, by SIGKILL, and with subscribers that are gone."""

import os
import signal
from pathlib import Path

import pytest

from agent.protocol import Command
from agent.tests.conftest import until
from agent.tests.ros2.conftest import MESSAGES, played, subscription
from tests.support.ros2 import loopback

ODOM = "/agent_1/odom"
ONE = [{"number": 1, "namespace": "/agent_1"}]
RECORD = [{"name": "/odom", "type": "nav_msgs/msg/Odometry"}]
FOREVER = {"agents": ONE, "passes": 1_000_000, "record": RECORD}


def shared_memory() -> set[str]:
    return {name for name in os.listdir("/dev/shm") if "fastrtps" in name}  # noqa: S108


def lost(fake, listener):
    return fake.last.agents[0].published - len(listener.received[ODOM])


def test_a_stop_keeps_the_recording_and_says_goodbye(listen, play):
    listener = listen(subscription("/odom", 1))
    fake, unit = play("/odom", **FOREVER)
    until(lambda: len(listener.received[ODOM]) > 5)
    told = fake.stop()
    assert unit.wait() == 0
    assert fake.last.agents[0].state == "STOPPED"
    # Of what was being published at the stop the report after it may not know yet.
    after = fake.snapshots[told + 1].agents[0].published
    assert fake.last.agents[0].published - after <= 1
    assert fake.recorded.total() == fake.last.agents[0].published
    until(lambda: not listener.matched)


def test_a_killed_unit_leaves_no_shared_memory(listen, play):
    listener = listen(subscription("/odom", 1))
    before = shared_memory()
    _, unit = play("/odom", **FOREVER)
    until(lambda: len(listener.received[ODOM]) > 5)
    maps = Path(f"/proc/{unit.process.pid}/maps").read_text()
    unit.signal(signal.SIGKILL)
    unit.wait()
    assert "librmw_fastrtps" in maps
    assert "/dev/shm/fast" not in maps  # noqa: S108
    assert shared_memory() <= before


@pytest.mark.parametrize("end", ["leaves", "is killed"])
def test_subscribers_that_are_gone_are_an_outage(end, listen, play):
    heard = subscription("/odom", 1)
    listener = listen(heard, environment=loopback(lease=5))
    fake, unit = play("/odom", **FOREVER)
    until(lambda: "the network is" not in fake.log and len(listener.received[ODOM]) > 150)
    if end == "leaves":
        listener.leave()
    else:
        listener.close()
    until(lambda: "is disconnected" in fake.log)
    returned = listen(heard)
    until(lambda: "is connected again" in fake.log)
    until(lambda: returned.received)
    until(lambda: fake.last.last_publication_ns > fake.last.outages[-1].ended_ns)
    fake.command = Command.STOP
    assert unit.wait() == 0
    (outage,) = fake.last.outages
    assert 0 < outage.messages < fake.last.agents[0].published
    assert outage.began_ns < outage.ended_ns < fake.last.last_publication_ns


def test_a_subscriber_that_is_gone_at_the_end_fails_the_unit(listen, play):
    listener = listen(subscription("/odom", 1), environment=loopback(lease=5))
    topics = [topic | {"subscriber_required": True} for topic in played("/odom")]
    more = {"agents": ONE, "topics": topics, "match_seconds": 60}
    fake, unit = play("/odom", passes=3, pass_gap=8, **more)
    # In a gap, as it acknowledges a message before it has told of it.
    until(lambda: len(listener.received[ODOM]) >= 2 * MESSAGES)
    listener.close()
    assert unit.wait() == 1
    assert (fake.last.agents[0].state, fake.last.failure.code) == ("FAILED", "TRANSPORT_LOST")
    assert 0 < lost(fake, listener) <= fake.last.undelivered


def test_nobody_in_the_domain_is_a_failure_with_advice(domain, play):
    fake, unit = play("/odom")
    assert unit.wait() == 1
    assert fake.last.failure.code == "TRANSPORT_UNREACHABLE"
    assert f"No ROS 2 node was found in domain {domain}. " in fake.last.failure.text
