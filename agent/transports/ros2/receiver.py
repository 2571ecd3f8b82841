"""Thread that takes the messages of subscriptions.

rclpy's executors take one message of each subscription at a time and hold the interpreter meanwhile, which
would delay the player; its fast one can lock up with a thread that publishes. So this thread waits by rclpy's
own wait set, as `rclpy.wait_for_message` does, and takes all that has arrived.
"""

import logging
import threading
import time

from rclpy.context import Context
from rclpy.impl.implementation_singleton import rclpy_implementation as rclpy_c
from rclpy.node import Node
from rclpy.qos import QoSDurabilityPolicy, QoSReliabilityPolicy
from rclpy.subscription import Subscription

from agent.protocol import Qos
from agent.transports.base import Receive
from agent.transports.ros2.graph import publishers_of_others
from agent.transports.ros2.qos import profile

WAIT_NS = 100_000_000
GATHER_SECONDS = 0.002
ADAPT_SECONDS = 1.0
MIN_DEPTH = 1000
"""Messages of a topic that wait for the recorder; each takes memory only once it is there."""

log = logging.getLogger(__name__)


class Recorded:
    """A subscription to one topic, which asks for no more than each publisher offers."""

    def __init__(
        self, node: Node, message_type: type, name: str, qos: Qos, receive: Receive
    ) -> None:
        self._node = node
        self._type = message_type
        self._name = name
        self._receive = receive
        self._profile = profile(qos)
        self._profile.depth = max(self._profile.depth, MIN_DEPTH)
        self._lower()
        self.subscription = self._subscribe()

    def _subscribe(self) -> Subscription:
        return self._node.create_subscription(
            self._type, self._name, self._receive, self._profile, raw=True
        )

    def _lower(self) -> bool:
        """Ask for less where a publisher does not offer it; return True when that is something new."""
        offers = [one.qos_profile for one in publishers_of_others(self._node, self._name)]
        wanted = (self._profile.reliability, self._profile.durability)
        if any(offer.reliability == QoSReliabilityPolicy.BEST_EFFORT for offer in offers):
            self._profile.reliability = QoSReliabilityPolicy.BEST_EFFORT
        if any(offer.durability == QoSDurabilityPolicy.VOLATILE for offer in offers):
            self._profile.durability = QoSDurabilityPolicy.VOLATILE
        return wanted != (self._profile.reliability, self._profile.durability)

    def adapt(self) -> None:
        """Subscribe again when a publisher has come that offers less."""
        matched = self.subscription.get_publisher_count()
        if matched < self._node.count_publishers(self._name) and self._lower():
            log.info("%s is recorded with a lower QoS, as a publisher offers it", self._name)
            self.take()
            self._node.destroy_subscription(self.subscription)
            self.subscription = self._subscribe()

    def take(self) -> None:
        """Pass on all messages that have arrived."""
        handle = self.subscription.handle
        while message := handle.take_message(self._type, True):  # noqa: FBT003 - serialized
            self._receive(message[0])


class Receiver(threading.Thread):
    """Thread that passes on the messages of all recorded topics of a unit; started by the first of them.

    `error` is set when it ends by itself.
    """

    def __init__(self, context: Context) -> None:
        super().__init__(name="ros2-receiver", daemon=True)
        self.error: Exception | None = None
        self._context = context
        self._recorded: tuple[Recorded, ...] = ()
        self._closing = threading.Event()

    def add(self, node: Node, message_type: type, name: str, qos: Qos, receive: Receive) -> None:
        """Subscribe to one more topic."""
        self._recorded += (Recorded(node, message_type, name, qos, receive),)
        if not self.is_alive():
            self.start()

    def close(self) -> None:
        """Take what has arrived, and end the thread."""
        self._closing.set()
        if self.is_alive():
            self.join()

    def run(self) -> None:
        try:
            self._receive()
        except Exception as error:
            log.exception("messages can no longer be received")
            self.error = error

    def _receive(self) -> None:
        adapted = time.monotonic()
        while not self._closing.is_set():
            recorded = self._recorded
            for one in self._await_ready(recorded):
                one.take()
            # Each turn costs by the number of subscriptions, so that there are not too many.
            time.sleep(GATHER_SECONDS)
            if time.monotonic() - adapted > ADAPT_SECONDS:
                for one in recorded:
                    one.adapt()
                adapted = time.monotonic()

    def _await_ready(self, recorded: tuple[Recorded, ...]) -> list[Recorded]:
        """Wait for messages, for a moment at most, and return the subscriptions that have some."""
        wait_set = rclpy_c.WaitSet(len(recorded), 0, 0, 0, 0, 0, self._context.handle)
        with wait_set:
            for one in recorded:
                wait_set.add_subscription(one.subscription.handle)
            wait_set.wait(WAIT_NS)
            ready = set(wait_set.get_ready_entities("subscription"))
        return [one for one in recorded if one.subscription.handle.pointer in ready]
