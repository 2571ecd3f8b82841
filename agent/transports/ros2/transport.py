"""Transport of serialized messages over DDS, as nodes of ROS 2."""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rclpy.context import Context
from rclpy.impl.implementation_singleton import rclpy_implementation as rclpy_c
from rclpy.node import Node
from rclpy.parameter import Parameter

from agent.protocol import Link, PlayedTopic, RecordTopic
from agent.topic_names import carries, full_name
from agent.transports.base import NODE_NAME, Knowledge, LinkCheck, Publish, Receive, TransportError
from agent.transports.ros2.link import DdsLink, Played
from agent.transports.ros2.message_types import MessageTypes
from agent.transports.ros2.profile import set_environment
from agent.transports.ros2.qos import KEEP_ALL, profile
from agent.transports.ros2.receiver import Receiver

DISCOVERY_SECONDS = 5.0
POLL_SECONDS = 0.05
ACKNOWLEDGE_SECONDS = 2.0
MAX_BLOCK_SECONDS = 30.0
"""Time that a publication of a topic that keeps all messages may wait for its subscribers."""
RETRY_SECONDS = 0.01
LOOKOUT = "robotsim"
"""Node that looks for others before there are agents."""
LEAN = {
    "start_parameter_services": False,
    "enable_rosout": False,
    "parameter_overrides": [Parameter("start_type_description_service", value=False)],
}
"""Without services, of which a node has seven by default: agents answer nobody."""
ADVICE: Mapping[str, str] = {
    "multicast": "that the network passes multicast on, or use static peers or a discovery server",
    "peers": "the static peers of the system under test, and that UDP passes both ways",
    "server": "the discovery server of the system under test, and that UDP passes both ways",
}

log = logging.getLogger(__name__)


@contextmanager
def _errors_of_rclpy(action: str) -> Iterator[None]:
    """Convert what rclpy raises into a TransportError."""
    try:
        yield
    except TransportError:
        raise
    except Exception as error:
        raise TransportError(f"ROS 2 cannot {action}: {error}") from error


class Ros2Transport:
    """One participant of DDS for all agents of the unit, with a node for each agent."""

    errors: tuple[type[Exception], ...] = (rclpy_c.RCLError,)

    def __init__(self) -> None:
        self.peers: tuple[str, ...] = ()
        self._context: Context | None = None
        self._types = MessageTypes()
        self._nodes: dict[str, Node] = {}
        self._played: dict[str, Played] = {}
        self._link = DdsLink(self._played.values())
        self._receiver: Receiver | None = None

    def open(self, link: Link, folder: Path) -> None:
        """Join the domain and wait for another node. Raises TransportError after five seconds."""
        if self._types.difference:
            log.warning("only types with a package can play: %s", self._types.difference)
        set_environment(link, folder)
        self._context = Context()
        with _errors_of_rclpy(f"join domain {link.domain_id}"):
            self._context.init(args=[], domain_id=link.domain_id)
            lookout = Node(LOOKOUT, context=self._context, **LEAN)
        try:
            self.peers = _await_others(lookout, link)
        finally:
            lookout.destroy_node()

    def _node(self, namespace: str) -> Node:
        """Return the node of an agent, made when it is first needed."""
        if self._context is None:
            raise TransportError("ROS 2 is not initialised.")
        if namespace not in self._nodes:
            node = Node(NODE_NAME, context=self._context, namespace=namespace, **LEAN)
            self._nodes[namespace] = node
        return self._nodes[namespace]

    def publisher(self, namespace: str, topic: PlayedTopic) -> Publish:
        """Create a publisher with the QoS of the topic. Raises TransportError."""
        name = topic_name(namespace, topic.published_name)
        message_type = self._types.get(topic.type, topic.type_hash)
        with _errors_of_rclpy(f"publish on {name}"):
            node = self._node(namespace)
            publisher = node.create_publisher(message_type, name, profile(topic.qos))
        self._played[name] = Played(node, publisher)
        # Of rclpy's C library, as the method of the class looks at each message first.
        publish: Publish = publisher.handle.publish_raw
        return _patient(publish) if topic.qos.history == KEEP_ALL else publish

    def subscribers(self, namespace: str, topic: PlayedTopic) -> int | None:
        """Number of subscriptions of others that take what is published."""
        played = self._played[topic_name(namespace, topic.published_name)]
        return int(played.publisher.get_subscription_count())

    def subscribe(self, namespace: str, topic: RecordTopic, receive: Receive) -> None:
        """Call `receive` for messages of other processes on the topic. Raises TransportError."""
        name = topic_name(namespace, topic.name)
        message_type = self._types.get(topic.type, topic.type_hash)
        with _errors_of_rclpy(f"subscribe to {name}"):
            node = self._node(namespace)
            if self._receiver is None:
                self._receiver = Receiver(node.context)
            self._receiver.add(node, message_type, name, topic.qos, receive)

    @property
    def knowledge(self) -> Knowledge:
        """Subscribers that vanish are noticed; reliable ones acknowledge what they have taken."""
        return self._link.knowledge

    def check(self) -> LinkCheck:
        """Ask the publishers who listens and what is acknowledged."""
        if self._receiver and self._receiver.error:
            raise self._receiver.error
        return self._link.check()

    def close(self) -> None:
        """Wait for acknowledgements, then leave the domain."""
        context, self._context = self._context, None
        if context is None:
            return
        self._await_acknowledgements()
        if self._receiver:
            self._receiver.close()
        self._played.clear()
        for node in self._nodes.values():
            node.destroy_node()
        self._nodes.clear()
        context.try_shutdown()

    def _await_acknowledgements(self) -> None:
        """Wait for reliable subscribers; best-effort messages have been sent when they were published."""
        deadline = time.monotonic() + ACKNOWLEDGE_SECONDS
        while not all(played.is_acknowledged for played in self._played.values()):
            if time.monotonic() > deadline:
                log.warning("not every subscriber has acknowledged all messages")
                return
            time.sleep(POLL_SECONDS)


def topic_name(namespace: str, topic: str) -> str:
    """Return the name of an agent's topic. Raises TransportError if ROS 2 has no such name."""
    if not carries("ros2", topic):
        raise TransportError(
            f"ROS 2 has no name such as {topic}: take the topic out of the template."
        )
    return full_name(namespace, topic)


def _await_others(node: Node, link: Link) -> tuple[str, ...]:
    """Wait for a node that belongs to no unit, and return the names of those found.

    Raises:
        TransportError: There is none within five seconds.
    """
    deadline = time.monotonic() + DISCOVERY_SECONDS
    while not (names := _names_of_others(node)):
        if time.monotonic() > deadline:
            raise TransportError(
                f"No ROS 2 node was found in domain {link.domain_id}. Check that one is running, "
                f"its domain, and {ADVICE.get(link.discovery, 'the discovery of the MEC')}."
            )
        time.sleep(POLL_SECONDS)
    return names


def _names_of_others(node: Node) -> tuple[str, ...]:
    nodes = node.get_node_names_and_namespaces()
    return tuple(
        full_name(namespace, name)
        for name, namespace in sorted(nodes)
        if name not in (LOOKOUT, NODE_NAME)
    )


def _patient(publish: Publish) -> Publish:
    """Return a publisher that waits for slow subscribers, where DDS refuses after 0.1 s."""

    def publish_patiently(data: bytes) -> None:
        deadline = time.monotonic() + MAX_BLOCK_SECONDS
        while True:
            try:
                publish(data)
            except rclpy_c.RCLError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(RETRY_SECONDS)  # an error that comes back at once would use a core
            else:
                return

    return publish_patiently
