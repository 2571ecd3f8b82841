"""The transport `zenoh` against sessions of its own: graph, QoS, attachments, subscribers."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zenoh
from zenoh.ext import HistoryConfig, declare_advanced_subscriber

from agent import probe
from agent.protocol import Link, PlayedTopic, ProbeCode, Qos, RecordTopic
from agent.tests.conftest import until
from agent.tests.server import FakeServer
from agent.transports import TransportError, create
from agent.transports.base import Knowledge, TypeUnknownError
from agent.transports.zenoh.rmw import RmwTransport
from agent.transports.zenoh.wire import gid
from tests.support.ports import free_port
from tests.support.zenoh import Node, Router, close_session, open_session, settings

STRING = "std_msgs/msg/String"
HASH = "RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18"
CHATTER = PlayedTopic(name="/chatter", type=STRING, type_hash=HASH)
KEY = f"3/agent_7/chatter/std_msgs::msg::dds_::String_/{HASH}"
TIMESTAMPS = {"timestamping/enabled": {"router": True, "peer": True, "client": True}}


@pytest.fixture(scope="module")
def router() -> Iterator[Router]:
    router = Router()
    yield router
    router.close()


@pytest.fixture
def other(router: Router) -> Iterator[zenoh.Session]:
    """A session of the system under test."""
    session = open_session(
        settings("client", **{"connect/endpoints": [router.endpoint]}, **TIMESTAMPS)
    )
    yield session
    close_session(session)


@pytest.fixture
def transports(router: Router, tmp_path: Any) -> Iterator[Any]:
    """Factory of open transports."""
    opened: list[RmwTransport] = []

    def start(**more: Any) -> RmwTransport:
        link = Link(transport="zenoh", endpoint=router.endpoint, domain_id=3, **more)
        transport = create(link)
        assert isinstance(transport, RmwTransport)
        transport.open(link, tmp_path)
        opened.append(transport)
        return transport

    yield start
    for transport in opened:
        transport.close()


class Received:
    """Samples that a session receives on a key."""

    def __init__(self) -> None:
        self.samples: list[tuple[bytes, bytes]] = []
        self._lock = threading.Lock()

    def __call__(self, sample: zenoh.Sample) -> None:
        attached = sample.attachment
        with self._lock:
            self.samples.append(
                (sample.payload.to_bytes(), attached.to_bytes() if attached else b"")
            )


def until_matched(transport: RmwTransport) -> None:
    """Wait until the publishers know of a subscriber each: before, some messages pass, and others do not."""
    publishers: list[Any] = list(transport._publishers.values())
    until(lambda: all(publisher.matching_status.matching for publisher in publishers))


def tokens(session: zenoh.Session) -> list[str]:
    replies: Any = session.liveliness().get("@ros2_lv/3/**")
    return sorted(str(reply.ok.key_expr) for reply in replies)


def test_one_node_for_each_agent_and_its_endpoints_are_in_the_graph(
    transports: Any, other: zenoh.Session
) -> None:
    transport = transports()
    for agent in ("/agent_7", "/agent_8"):
        transport.publisher(agent, CHATTER)
        transport.subscribe(agent, RecordTopic(name="/answer", type=STRING, type_hash=HASH), print)
    zid = str(transport._session.zid())
    until(lambda: len(tokens(other)) == 6)
    ids = [token.split("/")[2:6] for token in tokens(other)]
    assert {session for session, *_ in ids} == {zid}
    assert len({number for _, _, number, _ in ids}) == 6
    assert sorted(kind for *_, kind in ids) == ["MP", "MP", "MS", "MS", "NN", "NN"]
    ends = [token.split("/", 6)[6] for token in tokens(other)]
    types = f"std_msgs::msg::dds_::String_/{HASH}/::,10:,:,:,,"
    assert ends == [
        "%/%agent_7/agent",
        f"%/%agent_7/agent/%agent_7%chatter/{types}",
        f"%/%agent_7/agent/%agent_7%answer/{types}",
        "%/%agent_8/agent",
        f"%/%agent_8/agent/%agent_8%chatter/{types}",
        f"%/%agent_8/agent/%agent_8%answer/{types}",
    ]
    transport.close()
    until(lambda: not tokens(other))


@pytest.mark.parametrize(("form", "size"), [("binary", 33), ("keyed", 77)])
def test_messages_arrive_as_they_are_with_number_and_gid(
    transports: Any, other: zenoh.Session, form: str, size: int
) -> None:
    received = Received()
    subscriber = other.declare_subscriber(KEY, received)
    transport = transports(attachment=form)
    publish = transport.publisher("/agent_7", CHATTER)
    until_matched(transport)
    for number in range(3):
        publish(b"%d" % number)
    until(lambda: [data for data, _ in received.samples] == [b"0", b"1", b"2"])
    (token,) = [token for token in tokens(other) if "/MP/" in token]
    attached = [attachment for _, attachment in received.samples]
    assert {(len(one), one[-16:]) for one in attached} == {(size, gid(token))}
    at = 0 if form == "binary" else 16
    numbers = [int.from_bytes(one[at : at + 8], "little") for one in attached]
    assert numbers == list(range(numbers[0], numbers[0] + 3))
    subscriber.undeclare()


def test_subscriptions_in_the_graph_are_counted(transports: Any, other: zenoh.Session) -> None:
    transport, recorder = transports(), transports()
    transport.publisher("/agent_7", CHATTER)
    heard = RecordTopic(name="/chatter", type=STRING, type_hash=HASH)
    transport.subscribe("/agent_7", heard, print)  # its own does not count
    recorder.subscribe("/agent_7", heard, print)
    recorder.subscribe("/agent_8", heard, print)
    until(lambda: transport.subscribers("/agent_7", CHATTER) == 1)
    recorder.close()
    until(lambda: transport.subscribers("/agent_7", CHATTER) == 0)


def test_late_subscribers_get_the_last_messages_of_a_latched_topic(
    transports: Any, other: zenoh.Session
) -> None:
    latched = PlayedTopic(
        name="/map", type=STRING, type_hash=HASH, qos=Qos(durability="transient_local", depth=2)
    )
    transport, key = transports(), KEY.replace("chatter", "map")
    publish = transport.publisher("/agent_7", latched)
    early, late = Received(), Received()
    watch = other.declare_subscriber(key, early)
    until_matched(transport)
    for text in (b"one", b"two", b"three"):
        publish(text)
    until(lambda: [data for data, _ in early.samples] == [b"one", b"two", b"three"])
    watch.undeclare()
    history = HistoryConfig(detect_late_publishers=True)
    subscriber = declare_advanced_subscriber(other, key, late, history=history)
    until(lambda: [data for data, _ in late.samples] == [b"two", b"three"])
    assert {len(attachment) for _, attachment in late.samples} == {33}
    heard: list[bytes] = []
    record = RecordTopic(name="/map", type=STRING, type_hash=HASH, qos=latched.qos)
    transports().subscribe("/agent_7", record, heard.append)
    until(lambda: heard == [b"two", b"three"])
    subscriber.undeclare()


def test_a_subscription_without_a_hash_hears_every_hash(
    transports: Any, other: zenoh.Session
) -> None:
    heard: list[bytes] = []
    transports().subscribe("/agent_7", RecordTopic(name="/chatter", type=STRING), heard.append)
    until(lambda: (other.put(KEY, b"hello"), heard)[1])
    assert heard[0] == b"hello"


@pytest.mark.parametrize(
    "topic",
    [
        PlayedTopic(name="/odd", type="a_b/msg/Odd"),
        PlayedTopic(name="/odd", type_hash=HASH),
        PlayedTopic(name="/odd", type="**", type_hash=HASH),
        PlayedTopic(name="/odd", type=STRING, type_hash="*"),
    ],
)
def test_a_type_without_a_hash_is_refused_with_advice(transports: Any, topic: PlayedTopic) -> None:
    with pytest.raises(TypeUnknownError, match=r"/odd .*zenoh-raw"):
        transports().publisher("/agent_7", topic)


def test_names_that_ros_does_not_have_are_refused(transports: Any) -> None:
    with pytest.raises(TransportError, match="/imu-data"):
        transports().publisher(
            "/agent_7", PlayedTopic(name="/imu-data", type=STRING, type_hash=HASH)
        )


def test_nothing_is_left_of_a_killed_unit(
    router: Router, other: zenoh.Session, bag: Path, serve: Any, start: Any
) -> None:
    link = {"transport": "zenoh", "endpoint": router.endpoint, "domain_id": 3}
    topic = {"name": "/odom", "type": STRING, "type_hash": HASH}
    unit = start(serve(FakeServer(bag, {"link": link, "topics": [topic]}, hold=True)))
    until(lambda: len(tokens(other)) == 2)
    maps = Path(f"/proc/{unit.process.pid}/maps").read_text()
    unit.process.kill()
    until(lambda: not tokens(other))
    assert "zenoh" in maps
    assert "/dev/shm" not in maps  # noqa: S108


def test_a_type_without_a_hash_fails_the_unit_before_it_publishes(
    router: Router, bag: Path, serve: Any, start: Any
) -> None:
    link = {"transport": "zenoh", "endpoint": router.endpoint}
    fake = FakeServer(bag, {"link": link, "topics": [{"name": "/odom", "type": STRING}]})
    assert start(serve(fake)).wait() == 2  # another attempt is pointless
    assert fake.last.failure.code == "TYPE_UNKNOWN"
    assert "/odom" in fake.last.failure.text


def test_a_peer_is_connected_to_and_tested(other: zenoh.Session, tmp_path: Path) -> None:
    endpoint = f"tcp/127.0.0.1:{free_port()}"
    node = Node(settings("peer", **{"listen/endpoints": [endpoint]}))
    link = Link(transport="zenoh", endpoint=endpoint, zenoh_mode="peer")
    transport = create(link)
    transport.open(link, tmp_path)
    # A peer answers a query by itself, so that an answer would confirm nothing.
    assert transport.knowledge == Knowledge(connected=True, acknowledged=False)
    assert transport.check().connected
    assert probe.probe(link, tmp_path).code == ProbeCode.REACHED
    node.kill()
    until(lambda: not transport.check().connected)
    transport.close()


def test_a_test_of_the_link_is_not_seen_by_ros(
    router: Router, other: zenoh.Session, tmp_path: Path
) -> None:
    received = Received()
    subscriber = other.declare_subscriber("**", received)
    graph = other.liveliness().declare_subscriber("@ros2_lv/**", received)
    link = Link(transport="zenoh", endpoint=router.endpoint)
    assert probe.probe(link, tmp_path).code == ProbeCode.REACHED
    assert received.samples == []
    subscriber.undeclare()
    graph.undeclare()
