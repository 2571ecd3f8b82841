"""Knowledge of a session about its router or its peers."""

import pytest

from agent.protocol import Link, PlayedTopic, RecordTopic
from agent.tests.conftest import until
from agent.transports import TransportError, create
from agent.transports.base import Knowledge
from agent.transports.zenoh.link import LEASE_NS, ZenohLink
from agent.transports.zenoh.raw import RawTransport
from tests.support.ports import free_port
from tests.support.zenoh import (
    Listener,
    Node,
    Router,
    close_session,
    open_session,
    settings,
)


@pytest.fixture
def endpoint():
    return f"tcp/127.0.0.1:{free_port()}"


@pytest.fixture
def session(endpoint):
    session = open_session(settings("peer", **{"listen/endpoints": [endpoint]}))
    yield session
    close_session(session)


@pytest.fixture
def peers(session, endpoint):
    """Two peers that are connected to the session."""
    connect = {"connect/endpoints": [endpoint], "listen/endpoints": ["tcp/127.0.0.1:0"]}
    nodes = [Node(settings("peer", **connect)) for _ in range(2)]
    until(lambda: len(session.info.links()) == 2)
    yield nodes
    for node in nodes:
        node.kill()


def test_a_peer_may_leave_but_not_the_last(session, peers, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("agent.transports.zenoh.link.LEASE_NS", 3600 * 10**9)
    link = ZenohLink(session, "", [])
    assert link.knowledge == Knowledge(connected=True, acknowledged=False)
    first = link.check()
    peers[0].kill()
    until(lambda: len(session.info.links()) == 1)
    assert link.check() == first
    peers[1].kill()
    until(lambda: not session.info.links())
    assert link.check() == first._replace(connected=False)


def test_what_peers_have_taken_is_known_when_their_lease_has_passed(
    session, peers, monkeypatch: pytest.MonkeyPatch
):
    link = ZenohLink(session, "", [])
    before = link.check()
    assert before.good_until_ns == before.good_from_ns
    later = before.good_from_ns + 2 * LEASE_NS
    monkeypatch.setattr("agent.transports.zenoh.link.time.monotonic_ns", lambda: later)
    assert link.check().good_until_ns == later - LEASE_NS


def test_a_router_is_back_when_those_who_listened_are(tmp_path):
    router = Router()
    listener = Listener(router, "agent_7/odom")
    transport = RawTransport()
    transport.open(Link(transport="zenoh-raw", endpoint=router.endpoint), tmp_path)
    transport.publisher("/agent_7", PlayedTopic(name="/odom"))
    transport.publisher("/agent_7", PlayedTopic(name="/unheard"))
    odom = RecordTopic(name="/odom", type="")
    transport.subscribe("/agent_7", odom, lambda _: None)  # itself, as when it records
    until(lambda: transport.check() and len(transport._link._heard_by) == 1)
    router.interrupt("killed")
    listener.close()
    until(lambda: not transport.check().connected)
    router.resume("killed")
    until(transport._session.info.links)
    assert not transport.check().connected
    listener = Listener(router, "agent_7/odom")
    until(lambda: transport.check().connected)
    listener.close()
    transport.close()
    router.close()


def test_publications_without_a_peer_are_refused(tmp_path):
    alone = Link(transport="zenoh-raw", discovery="multicast")
    with pytest.raises(TransportError, match="No Zenoh peer"):
        create(alone).open(alone, tmp_path)
