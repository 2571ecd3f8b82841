"""Knowledge of a participant of DDS about those who subscribe to what it publishes.

There is no router to ask. A publisher that had subscriptions and has none any more is an outage: its messages
reach nobody. A process that dies silently still counts as subscribed until its lease has passed, so that what
was published is only known to be good after it; or before, when every reliable subscription has acknowledged
everything, and each process that subscribes has such a one. It is alive then, and what it has on best-effort
topics has left. Messages that a slow subscriber loses by its QoS are no outage.
"""

import time
from collections.abc import Collection

from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSReliabilityPolicy

from agent.transports.base import Knowledge, LinkCheck
from agent.transports.ros2.graph import subscriptions_of_others

LEASE_NS = 20_000_000_000
"""Fast DDS's default, after which it takes a silent process for gone."""
SETTLED_NS = 1_000_000_000
"""Time for which a subscription must have been there before it is missed."""
NOW = Duration(seconds=0)
PARTICIPANT_BYTES = 12
"""Of the identifier of an endpoint; the rest is its number within the process."""


class Played:
    """A publisher with its subscriptions as of the last check."""

    def __init__(self, node: Node, publisher: Publisher) -> None:
        self.publisher = publisher
        self.processes: frozenset[bytes] = frozenset()
        """Those that subscribe."""
        self.reliable: frozenset[bytes] = frozenset()
        """Those of them that acknowledge."""
        self._node = node
        self._subscriptions = 0
        self._settled_ns = 0
        self._expected = False
        self.acknowledged_ns = 0
        """Time until which everything is acknowledged by those who do that."""

    @property
    def is_acknowledged(self) -> bool:
        """True when every reliable subscription has acknowledged all messages; also without any."""
        return bool(self.publisher.wait_for_all_acked(NOW))

    def note(self, now: int) -> None:
        """Look for acknowledgements, and for subscriptions that came or went."""
        count = self.publisher.get_subscription_count()
        if not count or self.is_acknowledged:
            self.acknowledged_ns = now
        if count and now > self._settled_ns:
            self._expected = True
        if count == self._subscriptions:
            return
        if count and not self._subscriptions:
            self._settled_ns = now + SETTLED_NS
        # The graph may learn of a subscription later than the publisher: then it is read again.
        if self._list() >= count:
            self._subscriptions = count

    def is_deserted(self) -> bool:
        """True when nobody is left of those who subscribed."""
        return self._expected and not self._subscriptions

    def _list(self) -> int:
        """Read from the graph which processes subscribe; return the number of subscriptions there."""
        reliable = self.publisher.qos_profile.reliability == QoSReliabilityPolicy.RELIABLE
        found = [
            (bytes(one.endpoint_gid[:PARTICIPANT_BYTES]), one.qos_profile.reliability)
            for one in subscriptions_of_others(self._node, self.publisher.topic)
        ]
        self.processes = frozenset(process for process, _ in found)
        self.reliable = frozenset(
            process
            for process, reliability in found
            if reliable and reliability == QoSReliabilityPolicy.RELIABLE
        )
        return len(found)


class DdsLink:
    """The subscribers of all publishers of a unit."""

    def __init__(self, played: Collection[Played]) -> None:
        self._played = played
        self._good_from = self._good_until = time.monotonic_ns()
        self._interrupted = False

    @property
    def knowledge(self) -> Knowledge:
        """Acknowledged when each process that subscribes to anything does so reliably to something."""
        processes, reliable = set[bytes](), set[bytes]()
        for one in self._played:
            processes |= one.processes
            reliable |= one.reliable
        return Knowledge(connected=True, acknowledged=processes <= reliable)

    def check(self) -> LinkCheck:
        """Ask the publishers who listens, and what is acknowledged."""
        now = time.monotonic_ns()
        for one in self._played:
            one.note(now)
        if any(one.is_deserted() for one in self._played):
            self._interrupted = True
        else:
            self._confirm(now)
        return LinkCheck(not self._interrupted, self._good_from, self._good_until)

    def _confirm(self, now: int) -> None:
        if self._interrupted:
            self._interrupted = False
            self._good_from = self._good_until = now
        self._good_until = max(self._good_until, now - LEASE_NS)
        if self._played and self.knowledge.acknowledged:
            acknowledged = min(played.acknowledged_ns for played in self._played)
            self._good_until = max(self._good_until, acknowledged)
