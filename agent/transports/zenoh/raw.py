"""Transport of serialized messages over Zenoh: key `<namespace>/<topic>`, payload as recorded."""

from agent.protocol import PlayedTopic, RecordTopic
from agent.topic_names import carries, full_name
from agent.transports.base import Publish, Receive, TransportError
from agent.transports.zenoh.link import has_subscribers
from agent.transports.zenoh.transport import ZenohTransport


def key_expression(namespace: str, topic: str) -> str:
    """Return the Zenoh key of an agent's topic: `/agent_7`, `/odom` -> `agent_7/odom`.

    Raises:
        TransportError: The topic would be no key, or a wildcard.
    """
    if not carries("zenoh-raw", topic):
        raise TransportError(f"Zenoh has no key for topic {topic}: take it out of the template.")
    return full_name(namespace, topic).lstrip("/")


class RawTransport(ZenohTransport):
    """The transport `zenoh-raw`."""

    def publisher(self, namespace: str, topic: PlayedTopic) -> Publish:
        """Declare a publisher that blocks instead of dropping messages. Raises TransportError."""
        put: Publish = self._publish_on(key_expression(namespace, topic.published_name)).put
        return put

    def subscribers(self, namespace: str, topic: PlayedTopic) -> int | None:
        """1 when anybody subscribes, as Zenoh does not tell how many."""
        publisher = self._publishers[key_expression(namespace, topic.published_name)]
        return int(has_subscribers(publisher))

    def subscribe(self, namespace: str, topic: RecordTopic, receive: Receive) -> None:
        """Call `receive` for messages of other sessions on the topic. Raises TransportError."""
        self._subscribe_to(key_expression(namespace, topic.name), receive)
