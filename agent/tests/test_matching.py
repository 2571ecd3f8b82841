"""Subscribers that must be there before a unit is ready, and those that are counted at its start."""

import threading

import pytest
import zenoh

from agent import matching
from agent.failures import EXIT_FAILED, Halted, UnitFailure
from agent.matching import Matching
from agent.protocol import AgentSlot, Assignment, Command, Link, PlayedTopic, TopicMatch
from agent.tests.conftest import MESSAGES, states, until
from agent.tests.server import FakeServer
from agent.transports.null import NullTransport
from tests.support.zenoh import Router, close_session, open_session, settings

AGENTS = tuple(AgentSlot(number=n, namespace=f"/agent_{n}") for n in range(1, 6))
ODOM = PlayedTopic(name="/odom", publish_as="/base/odom", subscriber_required=True)
IMU = PlayedTopic(name="/imu")


class Subscribers(NullTransport):
    """A transport with a number of subscribers for each name; None: not known."""

    def __init__(self, numbers: dict[str, int | None]) -> None:
        self._numbers = numbers

    def subscribers(self, namespace: str, topic: PlayedTopic) -> int | None:
        return self._numbers.get(f"{namespace}{topic.published_name}", 0)


def matching_of(transport: NullTransport, *, seconds: float = 0) -> Matching:
    assignment = Assignment(
        attempt=1,
        execution=1,
        unit_name="unit",
        agents=AGENTS,
        bag=(),
        bag_digest="",
        topics=(ODOM, IMU),
        rate=1,
        passes=1,
        match_seconds=seconds,
        execution_time=0,
        link=Link(transport="null"),
        record=(),
        record_own=False,
        heartbeat_seconds=1,
        upload_limit_seconds=1,
    )
    return Matching(transport, assignment)


def test_subscribers_are_counted_by_topic_and_only_where_they_are_known() -> None:
    numbers: dict[str, int | None] = {f"/agent_{n}/imu": None for n in range(1, 6)}
    numbers |= {"/agent_1/base/odom": 3, "/agent_2/base/odom": 1}
    counted = matching_of(Subscribers(numbers)).count()
    assert counted == (TopicMatch(topic="/odom", agents=2, fewest=0, most=3),)
    assert matching_of(NullTransport()).count() == ()


def test_a_transport_that_does_not_know_is_not_waited_for() -> None:
    matching_of(NullTransport()).await_required(threading.Event())


def test_the_failure_names_topics_as_published_and_leaves_retries_to_the_stage() -> None:
    with pytest.raises(UnitFailure) as caught:
        matching_of(Subscribers({"/agent_1/base/odom": 1})).await_required(threading.Event())
    failure = caught.value
    assert (failure.code, failure.exit_code) == ("NOBODY_LISTENS", EXIT_FAILED)
    names = "/agent_2/base/odom, /agent_3/base/odom, /agent_4/base/odom, … (4 agents)"
    assert names in str(failure)
    (topic,) = failure.unheard
    assert (topic.topic, topic.agents, len(topic.first)) == ("/odom", 4, matching.MAX_NAMED)


def test_a_stop_ends_the_wait() -> None:
    halt = threading.Event()
    halt.set()
    with pytest.raises(Halted):
        matching_of(Subscribers({}), seconds=600).await_required(halt)


@pytest.fixture
def router():
    router = Router()
    yield router
    router.close()


@pytest.fixture
def client(router):
    session = open_session(settings("client", **{"connect/endpoints": [router.endpoint]}))
    yield session
    close_session(session)


def required(router: Router, seconds: float) -> dict[str, object]:
    return {
        "link": {"transport": "zenoh-raw", "endpoint": router.endpoint},
        "topics": [{"name": "/odom", "subscriber_required": True}, "/imu"],
        "match_seconds": seconds,
    }


def test_a_unit_is_ready_once_somebody_subscribes(
    bag, serve, start, router: Router, client: zenoh.Session
) -> None:
    fake = FakeServer(bag, required(router, 600))
    unit = start(serve(fake))
    until(lambda: "waiting for subscribers of /agent_7/odom" in fake.log)
    assert states(fake.snapshots) == ["STARTING"]
    received: list[bytes] = []
    subscriber = client.declare_subscriber(
        "agent_7/odom", lambda sample: received.append(sample.payload.to_bytes())
    )
    assert unit.wait() == 0
    until(lambda: len(received) == MESSAGES // 2)
    subscriber.undeclare()
    assert fake.last.matched == (
        TopicMatch(topic="/odom", agents=1, fewest=1, most=1),
        TopicMatch(topic="/imu", agents=0, fewest=0, most=0),
    )
    assert not fake.snapshots[0].matched


def test_a_unit_fails_when_nobody_subscribes(bag, serve, start, router: Router) -> None:
    fake = FakeServer(bag, required(router, 0.3))
    assert start(serve(fake)).wait() == EXIT_FAILED
    failure = fake.last.failure
    assert (failure.code, failure.unheard[0].first) == ("NOBODY_LISTENS", ("/agent_7/odom",))
    assert "READY" not in states(fake.snapshots)


def test_a_unit_stops_while_it_waits(bag, serve, start, router: Router) -> None:
    fake = FakeServer(bag, required(router, 600))
    unit = start(serve(fake))
    until(lambda: "waiting for subscribers" in fake.log)
    fake.command = Command.STOP
    assert unit.wait() == 0
    assert fake.last.agents[0].state == "STOPPED"
