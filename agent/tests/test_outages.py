"""Outages of a router, compared with what a listener received."""

import pytest

from agent.protocol import Command
from agent.tests.conftest import ODOM, until, write_bag
from agent.tests.server import FakeServer
from tests.support.zenoh import Listener, Router

HASH = f"RIHS01_{'0' * 64}"
KEYS = {
    "zenoh-raw": "agent_7/odom",
    "zenoh": f"0/agent_7/odom/std_msgs::msg::dds_::String_/{HASH}",
}
LEASE_MS = 4000
"""Shorter than the silence that is an outage for a unit, and longer than a busy machine is silent."""
RECORD = [{"name": "/odom", "type": "std_msgs/msg/String"}]
SPAN_NS = 20_000_000


@pytest.fixture(params=KEYS)
def transport(request):
    return request.param


@pytest.fixture
def connect(transport):
    """Start a router with a lease, and a listener."""
    parts = []

    def begin(lease_ms=LEASE_MS):
        router = Router(lease_ms)
        parts.extend([Listener(router, KEYS[transport]), router])
        return router, parts[0]

    yield begin
    for part in parts:
        part.close()


@pytest.fixture
def play(tmp_path, serve, start, transport):
    """Start a unit that plays numbered messages, 50 a second, and wait until some have arrived."""

    def begin(router, listener, seconds, **plan):
        bag = write_bag(tmp_path / "long", [n * SPAN_NS for n in range(50 * seconds)], (ODOM,))
        link = {"transport": transport, "endpoint": router.endpoint}
        topic = {"name": "/odom", "type": ODOM.type, "type_hash": HASH}
        fake = FakeServer(bag, {"link": link, "topics": [topic], **plan})
        unit = start(serve(fake))
        until(lambda: listener.received)
        return fake, unit

    return begin


def lost(fake, listener):
    return fake.last.agents[0].published - len(listener.received)


def published_after(fake):
    """Messages since the unit was not connected: a listener that also lost the router may be back later."""
    before = [shot for shot in fake.snapshots if broken(shot)][-1]
    return fake.last.agents[0].published - before.agents[0].published


def broken(shot):
    return bool(shot.outages) and shot.outages[-1].ended_ns is None


def plays_on(fake):
    """Check that something was published since the last outage was over."""
    last = fake.last
    return (
        last.outages and not broken(last) and last.last_publication_ns > last.outages[-1].ended_ns
    )


@pytest.mark.parametrize("outage", ["killed", "frozen", "cut off"])
def test_what_a_lost_connection_swallowed_is_told(outage, connect, play):
    router, listener = connect()
    fake, unit = play(router, listener, 60, record=RECORD)
    router.interrupt(outage)
    # Until the connection is given up, so that what it held is gone.
    until(lambda: "is disconnected" in fake.log)
    router.resume(outage)
    until(lambda: "is connected again" in fake.log and plays_on(fake))
    fake.command = Command.STOP
    assert unit.wait() == 0
    (told,) = fake.last.outages
    missed = 0 if outage == "cut off" else published_after(fake)
    # None, where what waited in the network still got through; the last ones may be on their way.
    until(lambda: lost(fake, listener) <= told.messages + missed)
    assert told.messages < fake.last.agents[0].published
    assert told.began_ns < told.ended_ns < fake.last.last_publication_ns


@pytest.mark.parametrize("outage", ["frozen", "cut off"])
def test_a_pause_that_loses_nothing_ends_green(outage, connect, play):
    router, listener = connect(10_000)
    fake, unit = play(router, listener, 2)
    router.interrupt(outage)
    # The last messages are published meanwhile, and wait for their way.
    until(lambda: fake.last.agents[0].published == 100)
    router.resume(outage)
    assert unit.wait() == 0
    until(lambda: len(listener.received) == 100)
    assert fake.last.undelivered == 0


def test_a_connection_that_is_gone_at_the_end_is_told(connect, play):
    router, listener = connect()
    fake, unit = play(router, listener, 5)
    router.interrupt("killed")
    assert unit.wait() == 1
    assert (fake.last.agents[0].state, fake.last.failure.code) == ("FAILED", "TRANSPORT_LOST")
    assert 0 < lost(fake, listener) <= fake.last.undelivered
    assert broken(fake.last)


def test_as_many_lost_messages_as_are_allowed_do_not_fail(connect, play):
    router, listener = connect()
    fake, unit = play(router, listener, 9, lost_messages_allowed=10_000)
    # By then the unit knows who listens, and waits for them to be back.
    until(lambda: len(listener.received) > 150)
    router.interrupt("killed")
    until(lambda: fake.last.undelivered)
    router.resume("killed")
    assert unit.wait() == 0
    assert fake.last.failure is None
    until(lambda: lost(fake, listener) <= fake.last.undelivered)
    assert lost(fake, listener) > 0
