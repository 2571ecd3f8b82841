"""The transport `zenoh`: agents that ROS 2 nodes with rmw_zenoh take for nodes, in its wire format.

Any type is played of which the hash is known, without ROS. `rmw_zenoh_cpp` could not be run beside it: the
tests hold it to the documents of rmw_zenoh, and to another implementation, zenoh-ros2-sdk.
"""

import itertools
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import zenoh

from agent.protocol import Link, PlayedTopic, RecordTopic
from agent.topic_names import carries, full_name
from agent.transports.base import NODE_NAME, Publish, Receive, TransportError, TypeUnknownError
from agent.transports.zenoh.transport import ZenohTransport
from agent.transports.zenoh.wire import (
    ADMIN_SPACE,
    TYPE,
    TYPE_HASH,
    Attachment,
    Endpoint,
    Node,
    attachment,
    gid,
    key_of,
)


class RmwTransport(ZenohTransport):
    """The transport `zenoh`: a node in the namespace of each agent, its publishers and subscriptions."""

    def __init__(self) -> None:
        super().__init__()
        self._domain_id = 0
        self._attachment = "binary"
        self._ids = itertools.count()
        self._nodes: dict[str, Node] = {}
        self._keys: dict[tuple[str, str], str] = {}
        self._subscriptions: defaultdict[str, set[str]] = defaultdict(set)
        """Tokens of the subscriptions of others, by the key of their messages."""

    def open(self, link: Link, folder: Path) -> None:
        """Connect, and follow the subscriptions in the ROS graph. Raises TransportError."""
        super().open(link, folder)
        self._domain_id, self._attachment = link.domain_id, link.attachment
        handler: Any = zenoh.handlers.Callback(self._note_subscription, indirect=False)
        subscriptions = f"{ADMIN_SPACE}/{link.domain_id}/*/*/*/MS/**"
        liveliness = self._require_session().liveliness()
        self._declared.append(liveliness.declare_subscriber(subscriptions, handler, history=True))

    def publisher(self, namespace: str, topic: PlayedTopic) -> Publish:
        """Declare a publisher, and show it in the ROS graph. Raises TransportError."""
        name = topic.published_name
        if not TYPE.fullmatch(topic.type) or not TYPE_HASH.fullmatch(topic.type_hash):
            raise TypeUnknownError(
                f"The type of {name} ({topic.type or 'none'}) has no known hash, and without it nobody would "
                "receive the messages. Add the definition of the type to the template, or choose a system "
                "under test with the transport zenoh-raw."
            )
        endpoint = self._endpoint("MP", namespace, name, topic)
        publisher = self._publish_on(endpoint.key, topic.qos)
        self._keys[namespace, name] = endpoint.key
        self._show(endpoint.token)
        return _publish(publisher.put, attachment(self._attachment, gid(endpoint.token)))

    def subscribers(self, namespace: str, topic: PlayedTopic) -> int | None:
        """Number of subscriptions in the ROS graph that receive it; QoS keeps none of them from it."""
        return len(self._subscriptions[self._keys[namespace, topic.published_name]])

    def subscribe(self, namespace: str, topic: RecordTopic, receive: Receive) -> None:
        """Subscribe, and show it in the ROS graph; of any hash, where that is not known.

        Raises:
            TransportError: It cannot be made.
        """
        if not TYPE.fullmatch(topic.type):
            raise TypeUnknownError(
                f"'{topic.type}' is no message type: correct that of {topic.name}."
            )
        endpoint = self._endpoint("MS", namespace, topic.name, topic)
        self._subscribe_to(endpoint.key, receive, topic.qos)
        self._show(endpoint.token)

    def _endpoint(
        self, kind: str, namespace: str, name: str, topic: PlayedTopic | RecordTopic
    ) -> Endpoint:
        if not carries("zenoh", name):
            raise TransportError(f"ROS 2 has no name {name}: take the topic out of the template.")
        node, topic_name = self._node(namespace), full_name(namespace, name)
        type_hash = topic.type_hash if TYPE_HASH.fullmatch(topic.type_hash) else ""
        return Endpoint(node, kind, next(self._ids), topic_name, topic.type, type_hash, topic.qos)

    def _node(self, namespace: str) -> Node:
        """Return the node of an agent; shown in the graph when it is first needed."""
        if namespace not in self._nodes:
            zid = str(self._require_session().zid())
            node = Node(self._domain_id, zid, next(self._ids), namespace, NODE_NAME)
            self._show(node.token)
            self._nodes[namespace] = node
        return self._nodes[namespace]

    def _show(self, token: str) -> None:
        """Declare a liveliness token, which ends with the session, however that ends."""
        try:
            self._declared.append(self._require_session().liveliness().declare_token(token))
        except zenoh.ZError as error:
            raise TransportError(f"Zenoh refuses the token {token}: {error}") from error

    def _note_subscription(self, sample: zenoh.Sample) -> None:
        token = str(sample.key_expr)
        tokens = self._subscriptions[key_of(token)]
        if sample.kind == zenoh.SampleKind.DELETE:
            tokens.discard(token)
        elif not self._is_own(token):
            tokens.add(token)

    def _is_own(self, token: str) -> bool:
        return self._session is not None and token.split("/")[2] == str(self._session.zid())


def _publish(put: Any, attach: Attachment) -> Publish:
    """Return the publisher of the hot loop: each message with its number and time."""
    numbers, now = itertools.count(1), time.time_ns

    def publish(data: bytes) -> None:
        put(data, attachment=attach(next(numbers), now()))

    return publish
