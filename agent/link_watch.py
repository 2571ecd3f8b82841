"""The watch of a unit's link: asks the transport a few times a second, and keeps the ledger of losses."""

import logging
import threading
import time
from collections.abc import Callable

from agent.delivery import Delivery, LinkOutage
from agent.transports import Transport
from agent.transports.base import LinkCheck

CHECK_SECONDS = 0.25
IN_FLIGHT_SECONDS = 0.02
"""Time for the message that is being handed over while the link comes back to be counted as published."""
CONFIRM_SECONDS = 25.0
"""Time to learn whether the last messages have left; longer than a silent end is taken for connected."""
STOPPED_SECONDS = 2.0
"""The same after a stop, which does not depend on it."""

log = logging.getLogger(__name__)


class LinkWatch(threading.Thread):
    """Thread that watches the link of a transport.

    `published` returns how many messages each agent has handed over. A transport that knows nothing of its
    link is not watched, and nothing counts as undelivered.
    """

    def __init__(self, transport: Transport, name: str, published: Callable[[], int]) -> None:
        super().__init__(name="link", daemon=True)
        self._transport = transport
        self._name = name
        self._published = published
        self._delivery = Delivery(time.monotonic_ns())
        self._changed = threading.Condition()
        self._closing = threading.Event()

    def start(self) -> None:
        """Start to watch, if there is something to know."""
        knowledge = self._transport.knowledge
        if not knowledge.connected:
            return
        log.info("link: watched, delivery %sacknowledged", "" if knowledge.acknowledged else "not ")
        super().start()

    @property
    def outages(self) -> tuple[LinkOutage, ...]:
        """The outages so far, with the messages that may not have left; only the last may not have ended."""
        with self._changed:
            return self._delivery.outages_by(self._published())

    def await_confirmation(self, *, stopped: bool) -> None:
        """Wait until it is known of every message whether it has left, then count the rest as lost.

        Args:
            stopped: After a stop, which waits less. Who acknowledges nothing cannot know by then, and
                only that is no outage.
        """
        if not self.is_alive():
            return
        seconds = STOPPED_SECONDS if stopped else CONFIRM_SECONDS
        with self._changed:
            self._changed.wait_for(lambda: self._delivery.is_confirmed(self._published()), seconds)
            can_know = self._transport.knowledge.acknowledged or not stopped
            if can_know or self._delivery.broken:
                self._delivery.close(self._published())

    def close(self) -> None:
        """End the thread, if it is not held up by the network."""
        self._closing.set()
        if self.is_alive():
            self.join(CHECK_SECONDS * 4)

    def run(self) -> None:
        while not self._closing.wait(CHECK_SECONDS):
            try:
                self._check()
            except Exception:
                # Nothing is confirmed while this lasts, so that it cannot end green.
                log.exception("the link could not be checked")

    def _check(self) -> None:
        published = self._published()
        with self._changed:
            self._delivery.mark(time.monotonic_ns(), published)
        check = self._transport.check()
        if self._delivery.has_lost(check):
            time.sleep(IN_FLIGHT_SECONDS)
        with self._changed:
            before = self._delivery.broken
            self._delivery.note(check, time.monotonic_ns(), self._published())
            self._changed.notify_all()
        self._log(check, before)

    def _log(self, check: LinkCheck, was_broken: bool) -> None:  # noqa: FBT001
        if not check.connected and not was_broken:
            log.warning("%s is disconnected: messages are lost", self._name)
        elif check.connected and was_broken:
            log.warning(
                "%s is connected again: up to %d messages of each agent were lost",
                self._name,
                self._delivery.outages[-1].messages,
            )
