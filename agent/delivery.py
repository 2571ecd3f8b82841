"""The ledger of messages that may not have left, from what a transport knows of its link."""

from collections import deque
from dataclasses import dataclass, replace

from agent.protocol import MAX_OUTAGES
from agent.transports.base import LinkCheck


@dataclass(frozen=True)
class LinkOutage:
    """One outage of the link; times are monotonic, in ns."""

    began_ns: int
    """Time at which it was last known to be good."""
    ended_ns: int | None = None
    """Time at which it was good again; None: it is not."""
    messages: int = 0
    """Messages of each agent that may not have left."""


class Delivery:
    """Messages that each agent has published, and those of them that may not have left.

    A mark is a time with the number of messages that each agent had published by then: it turns the times of
    the transport into numbers.
    """

    def __init__(self, now: int) -> None:
        self.outages: tuple[LinkOutage, ...] = ()
        """In order; only the last one may not have ended, and then has what is known to be lost."""
        self._confirmed_ns = now
        """Everything published until then has left or is counted."""
        self._marks = deque([(now, 0)])

    @property
    def broken(self) -> bool:
        """True during an outage."""
        return bool(self.outages) and self.outages[-1].ended_ns is None

    def mark(self, now: int, published: int) -> None:
        """Note how much was published by now, before each check."""
        self._marks.append((now, published))

    def is_confirmed(self, published: int) -> bool:
        """True when it is known of so many messages whether they have left."""
        return self._published_until(self._confirmed_ns) >= published

    def has_lost(self, check: LinkCheck) -> bool:
        """True when the link was interrupted since the last check."""
        return check.good_from_ns > self._confirmed_ns

    def note(self, check: LinkCheck, now: int, published: int) -> None:
        """Take in a check; what was begun before `good_from_ns` is included in `published`."""
        lost = self.has_lost(check)
        if (lost or not check.connected) and not self.broken:
            self._begin()
        if lost:
            self._count(published)
            self._confirm(check.good_from_ns, published)
        if check.good_until_ns > self._confirmed_ns:
            self._confirm(check.good_until_ns, self._published_until(check.good_until_ns))
        if check.connected and self.broken:
            self._end(check.good_from_ns if lost else now)

    def close(self, published: int) -> None:
        """Count what is not known to have left, as nobody waits for it any longer."""
        if published > self._published_until(self._confirmed_ns):
            if not self.broken:
                self._begin()
            self._count(published)

    def outages_by(self, published: int) -> tuple[LinkOutage, ...]:
        """The outages with all messages until now; in the present one all since it began."""
        if not self.broken:
            return self.outages
        return (*self.outages[:-1], self._with_unconfirmed(published))

    def _begin(self) -> None:
        if len(self.outages) < MAX_OUTAGES:
            self.outages += (LinkOutage(self._confirmed_ns),)
        else:
            self._end(None)

    def _count(self, published: int) -> None:
        """Count all that is not confirmed as lost in the present outage."""
        self.outages = (*self.outages[:-1], self._with_unconfirmed(published))
        self._marks = deque([(self._confirmed_ns, published)])

    def _with_unconfirmed(self, published: int) -> LinkOutage:
        last = self.outages[-1]
        unconfirmed = published - self._published_until(self._confirmed_ns)
        return replace(last, messages=last.messages + unconfirmed)

    def _confirm(self, until: int, published: int) -> None:
        self._confirmed_ns = until
        while self._marks and self._marks[0][0] <= until:
            self._marks.popleft()
        self._marks.appendleft((until, published))

    def _published_until(self, time_ns: int) -> int:
        """Number of messages published by a time, at least."""
        return max(published for at, published in self._marks if at <= time_ns)

    def _end(self, ended_ns: int | None) -> None:
        self.outages = (*self.outages[:-1], replace(self.outages[-1], ended_ns=ended_ns))
