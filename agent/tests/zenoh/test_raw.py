"""Replay over Zenoh, with a router inside the test."""

import json
import threading
from collections import Counter, defaultdict

import pytest
import zenoh
from rosbags.rosbag2 import Reader

from agent.protocol import Link
from agent.tests.conftest import MESSAGES, PAUSE, play_until_recorded, until, write_bag
from agent.tests.server import FakeServer
from agent.transports import TransportError, create
from agent.transports.zenoh.session import settings
from rosbag2.formats.metadata import Topic
from tests.support.ports import free_port

RECORD = [
    {"name": "/odom", "type": "std_msgs/msg/String"},
    {"name": "/answer", "type": "std_msgs/msg/String"},
]


class Router:
    """A Zenoh router that records publications of agent 7, and optionally answers each /odom."""

    def __init__(self, *, answers: bool = False) -> None:
        self.endpoint = f"tcp/127.0.0.1:{free_port()}"
        config = zenoh.Config()
        config.insert_json5("mode", '"router"')
        config.insert_json5("listen/endpoints", json.dumps([self.endpoint]))
        config.insert_json5("scouting/multicast/enabled", "false")
        self.session = zenoh.open(config)
        self.received: dict[str, list[bytes]] = defaultdict(list)
        self.lock = threading.Lock()
        self.answers = answers
        self.session.declare_subscriber("agent_7/*", self.record)

    def record(self, sample: zenoh.Sample) -> None:
        key = str(sample.key_expr)
        with self.lock:
            self.received[key].append(sample.payload.to_bytes())
        if self.answers and key == "agent_7/odom":
            self.session.put(
                "agent_7/answer",
                b"\x00\x01\x00\x00heard",
                congestion_control=zenoh.CongestionControl.BLOCK,
            )

    @property
    def counts(self) -> dict[str, int]:
        with self.lock:
            return {key: len(messages) for key, messages in self.received.items()}


@pytest.fixture
def router():
    router = Router()
    yield router
    router.session.close()


def link(router: Router) -> dict[str, str]:
    return {"transport": "zenoh-raw", "endpoint": router.endpoint}


def test_every_message_arrives_as_recorded(bag, serve, start, router):
    fake = FakeServer(bag, {"link": link(router), "passes": 2})
    assert start(serve(fake)).wait() == 0
    half = MESSAGES // 2
    until(lambda: router.counts == {"agent_7/odom": 2 * half, "agent_7/imu": 2 * half})
    with Reader(bag) as reader:
        odom = [data for connection, _, data in reader.messages() if connection.topic == "/odom"]
    assert router.received["agent_7/odom"] == odom * 2
    assert fake.last.agents[0].lateness_p99_us is not None


def test_unpaced_publications_are_not_dropped(bag, serve, start, router):
    fake = FakeServer(bag, {"link": link(router), "rate": 0, "passes": 1000})
    assert start(serve(fake)).wait() == 0
    total = 1000 * MESSAGES // 2
    until(lambda: router.counts == {"agent_7/odom": total, "agent_7/imu": total})


def test_own_messages_and_answers_are_recorded(bag, serve, start, router, tmp_path):
    router.answers = True
    half = MESSAGES // 2
    fake = FakeServer(bag, {"link": link(router), "record": RECORD} | PAUSE)
    play_until_recorded(fake, start(serve(fake)), 2 * half)
    assert fake.recorded == {"/agent_7/odom": half, "/agent_7/answer": half}
    assert fake.closed[-1].dropped == 0
    with Reader(fake.save_recording(tmp_path / "stored")) as reader:
        counts_by_topic = Counter(connection.topic for connection, _, _ in reader.messages())
    assert counts_by_topic == {"/agent_7/odom": half, "/agent_7/answer": half}


def test_own_messages_are_left_out_on_request(bag, serve, start, router):
    router.answers = True
    plan = {"link": link(router), "record": RECORD, "record_own": False}
    fake = FakeServer(bag, plan | PAUSE)
    play_until_recorded(fake, start(serve(fake)), MESSAGES // 2)
    assert fake.recorded == {"/agent_7/answer": MESSAGES // 2}


def test_an_absent_router_is_a_failure_with_advice(bag, serve, start):
    absent = {"transport": "zenoh-raw", "endpoint": f"tcp/127.0.0.1:{free_port()}"}
    fake = FakeServer(bag, {"link": absent})
    assert start(serve(fake)).wait() == 1
    assert fake.last.failure.code == "TRANSPORT_UNREACHABLE"
    assert absent["endpoint"] in fake.last.failure.text
    assert fake.last.agents[0].published == 0


def test_names_that_are_no_key_are_refused_before_anything_is_published(
    tmp_path, serve, start, router
):
    topics = (Topic("/odom", "a/B"), Topic("/**", "a/B"), Topic("odom", "a/B"))
    bag = write_bag(tmp_path / "names", [10**9, 10**9 + 1, 10**9 + 2], topics)
    names = [topic.name for topic in topics]
    fake = FakeServer(bag, {"link": link(router), "topics": names})
    assert start(serve(fake)).wait() == 2  # another attempt is pointless
    failure = fake.last.failure
    assert failure.code == "TOPIC_NOT_CARRIED"
    assert "zenoh-raw cannot carry /**, odom (= /odom). " in failure.text
    assert router.counts == {}


def test_names_that_only_zenoh_carries_are_played_and_recorded(tmp_path, serve, start, router):
    topics = (Topic("/imu-data", "a/B"), Topic("/9lives", "a/B"))
    bag = write_bag(tmp_path / "names", [10**9, 10**9 + 1], topics)
    names = [topic.name for topic in topics]
    record = [{"name": name, "type": "a/B"} for name in names]
    fake = FakeServer(bag, {"link": link(router), "topics": names, "record": record})
    assert start(serve(fake)).wait() == 0
    until(lambda: router.counts == {"agent_7/imu-data": 1, "agent_7/9lives": 1})
    assert fake.recorded == {"/agent_7/imu-data": 1, "/agent_7/9lives": 1}


def test_an_invalid_endpoint_is_refused(tmp_path):
    broken = Link(transport="zenoh-raw", endpoint="nonsense")
    with pytest.raises(TransportError, match="nonsense"):
        create(broken).open(broken, tmp_path)


def test_an_unknown_transport_is_refused():
    with pytest.raises(TransportError, match="carrier-pigeon"):
        create(Link(transport="carrier-pigeon"))


def test_without_endpoint_nothing_listens_on_public_interfaces():
    alone = settings(Link(transport="zenoh-raw"))
    assert alone["listen/endpoints"] == ["tcp/127.0.0.1:0"]
    assert alone["scouting/multicast/enabled"] is False
    searching = settings(Link(transport="zenoh-raw", discovery="multicast"))
    assert searching["scouting/multicast/enabled"] is True
