"""Subscribers of the agents' publishers: waited for where they are required, and counted at the start."""

import logging
import threading
import time
from collections.abc import Sequence

from agent.failures import Halted, UnitFailure
from agent.protocol import MAX_UNHEARD, Assignment, PlayedTopic, TopicMatch, Unheard
from agent.topic_names import full_name
from agent.transports import Transport

POLL_SECONDS = 0.2
LOG_SECONDS = 5.0
MAX_NAMED = 3
"""Names of a topic, by agent, in texts."""

log = logging.getLogger(__name__)


class Matching:
    """Subscribers of each agent's publishers, by the transport's own knowledge."""

    def __init__(self, transport: Transport, assignment: Assignment) -> None:
        self._transport = transport
        self._agents = assignment.agents
        self._topics = assignment.topics
        self._seconds = assignment.match_seconds

    def await_required(self, halt: threading.Event) -> None:
        """Wait until each topic that must have a subscriber has one for each agent.

        A transport that does not know its subscribers is not waited for.

        Raises:
            Halted: A stop came first.
            UnitFailure: NOBODY_LISTENS.
        """
        required = [topic for topic in self._topics if topic.subscriber_required]
        deadline = time.monotonic() + self._seconds
        next_log = 0.0
        while unheard := self._unheard(required):
            now = time.monotonic()
            if now >= deadline:
                raise nobody_listens(unheard, self._seconds)
            if now >= next_log:
                log.info("waiting for subscribers of %s", listing(unheard))
                next_log = now + LOG_SECONDS
            if halt.wait(POLL_SECONDS):
                raise Halted

    def _unheard(self, topics: Sequence[PlayedTopic]) -> tuple[Unheard, ...]:
        """Those of the topics that have no subscriber for some agents."""
        names = ((topic, self._without_subscriber(topic)) for topic in topics)
        return tuple(
            Unheard(topic=topic.name, agents=len(lacking), first=tuple(lacking[:MAX_NAMED]))
            for topic, lacking in names
            if lacking
        )

    def _without_subscriber(self, topic: PlayedTopic) -> list[str]:
        """Names of the topic, as published by each agent, that nobody subscribes to."""
        return [
            full_name(agent.namespace, topic.published_name)
            for agent in self._agents
            if self._transport.subscribers(agent.namespace, topic) == 0
        ]

    def count(self) -> tuple[TopicMatch, ...]:
        """Count the subscribers of each played topic of which the transport knows them."""
        counted = []
        for topic in self._topics:
            numbers = [self._transport.subscribers(a.namespace, topic) for a in self._agents]
            known = [number for number in numbers if number is not None]
            if known:
                listened = sum(number > 0 for number in known)
                match = TopicMatch(
                    topic=topic.name, agents=listened, fewest=min(known), most=max(known)
                )
                counted.append(match)
        return tuple(counted)


def listing(unheard: Sequence[Unheard]) -> str:
    """Name topics as they are published, such as `/agent_1/odom, /agent_2/odom, … (10 agents)`."""
    return "; ".join(_name(topic) for topic in unheard)


def _name(topic: Unheard) -> str:
    names = ", ".join(topic.first)
    return f"{names}, … ({topic.agents} agents)" if topic.agents > len(topic.first) else names


def nobody_listens(unheard: tuple[Unheard, ...], seconds: float) -> UnitFailure:
    """Return the failure; a retry may help a system under test that starts slowly."""
    return UnitFailure(
        "NOBODY_LISTENS",
        f"Nobody subscribed within {seconds:g} s to {listing(unheard)}. Start the system under test, or "
        "check topic names, QoS and ROS domain.",
        unheard=unheard[:MAX_UNHEARD],
    )
