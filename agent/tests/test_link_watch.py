"""Losses counted at the end of a unit whose transport acknowledges nothing."""

import time

import pytest

from agent import link_watch
from agent.link_watch import LinkWatch
from agent.tests.conftest import until
from agent.transports.base import Knowledge, LinkCheck
from agent.transports.null import NullTransport

LEASE_NS = 10_000_000_000


class Peers(NullTransport):
    """Peers that show only ten seconds later that they were there."""

    knowledge = Knowledge(connected=True, acknowledged=False)
    connected = True
    checks = 0

    def check(self) -> LinkCheck:
        self.checks += 1
        return LinkCheck(self.connected, 0, time.monotonic_ns() - LEASE_NS)


@pytest.mark.parametrize(
    ("connected", "stopped", "lost"), [(True, True, 0), (False, True, 7), (True, False, 7)]
)
def test_a_stop_is_no_outage(
    connected: bool, stopped: bool, lost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_watch, "STOPPED_SECONDS", 0.1)
    monkeypatch.setattr(link_watch, "CONFIRM_SECONDS", 0.1)
    peers = Peers()
    peers.connected = connected
    watch = LinkWatch(peers, "the network", lambda: 7)
    watch.start()
    until(lambda: peers.checks > 1)
    watch.await_confirmation(stopped=stopped)
    assert sum(outage.messages for outage in watch.outages) == lost
    watch.close()


def test_a_transport_without_other_end_is_not_mentioned(caplog: pytest.LogCaptureFixture) -> None:
    watch = LinkWatch(NullTransport(), "the network", lambda: 0)
    with caplog.at_level("INFO"):
        watch.start()
    assert not caplog.messages
    watch.close()
