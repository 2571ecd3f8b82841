"""State of the connection of a Zenoh session, and the time since which it holds.

To a router over a reliable protocol, a query for a key that nobody has is a round trip: it waits in the same
queue as the publications before it, and the router answers it when it has passed these on. Zenoh also answers
it, by itself, when the connection breaks, and a router that is killed may have taken what it had not yet
passed on; so the answer to one query confirms what was published before the query before it.

Peers, and routers over UDP, answer nothing like that. That they are there shows in what they send, every few
seconds at least; without it Zenoh closes the connection after the lease that the other end has announced.
"""

import threading
import time
from collections.abc import Iterable
from typing import Any

import zenoh

from agent.transports.base import Knowledge, LinkCheck

# A chunk that begins with @ is matched by no wildcard of the system under test.
QUERY_KEY = "@robotsim/link"
QUERY_SECONDS = 60.0
"""Much longer than a full network takes to carry what was published before."""
WAIT_SECONDS = 0.5
SILENCE_NS = 5_000_000_000
"""A router that has answered nothing for this long counts as disconnected."""
LEASE_NS = 10_000_000_000
"""Zenoh's default; what a silent peer has taken is known only after it."""
SUBSCRIBERS_NS = 10_000_000_000
"""Time that subscribers have to come back after an interruption; Zenoh reconnects within four seconds."""
RECOUNT_NS = 1_000_000_000
RELIABLE = ("tcp/", "tls/", "quic/", "ws/")


Connections = frozenset[tuple[str, str, str]]


class Query:
    """A query for a key that nobody has; answered when the router has taken all that was sent before."""

    def __init__(self, session: zenoh.Session) -> None:
        self.asked_ns = time.monotonic_ns()
        self._timed_out = False
        self._done = threading.Event()
        handler = zenoh.handlers.Callback(self._receive, self._done.set, indirect=False)
        # In the queue of the publications, and held up with them when it is full.
        block = zenoh.CongestionControl.BLOCK
        session.get(QUERY_KEY, handler, timeout=QUERY_SECONDS, congestion_control=block)

    def _receive(self, _reply: zenoh.Reply) -> None:
        self._timed_out = True

    def is_over(self) -> bool:
        """Wait for the end of the query, for half a second at most."""
        return self._done.wait(WAIT_SECONDS)

    @property
    def answered(self) -> bool:
        """True after an answer; False after a time-out, which is the only reply that there is."""
        return not self._timed_out


def has_subscribers(publisher: zenoh.Publisher) -> bool:
    """Check that somebody subscribes to what is published."""
    status: Any = publisher.matching_status  # declared as a bool, which it is not
    return bool(status.matching)


class ZenohLink:
    """The connections of one session, to its router or its peers."""

    def __init__(
        self, session: zenoh.Session, router: str, publishers: Iterable[zenoh.Publisher]
    ) -> None:
        """Watch a session; `router` is the endpoint of that which it is a client of, if any."""
        self.knowledge = Knowledge(connected=True, acknowledged=router.startswith(RELIABLE))
        self._session = session
        self._has_router = bool(router)
        self._publishers = publishers
        self._links = self._read_links()
        self._interrupted = not self._links
        self._connected_ns = self._good_from = self._good_until = self._heard = time.monotonic_ns()
        self._query: Query | None = None
        self._answered = 0
        """Time of the last query that was answered over the present connections; 0: none."""
        self._heard_by: list[zenoh.Publisher] = []
        """Publishers that had subscribers, as of one count before the last, which may be of the end."""
        self._last_heard_by: list[zenoh.Publisher] = []
        self._counted = 0

    def check(self) -> LinkCheck:
        """Ask after the link, within about a second unless the network is congested."""
        now = time.monotonic_ns()
        links = self._note_links(now)
        asked = self._last_answer() if links and not self._awaits_subscribers(now) else 0
        # Zenoh answers by itself when the connection breaks, so it counts only if that is the same.
        if asked and self._read_links() == links:
            self._confirm(asked)
        connected = bool(links) and not self._interrupted and now - self._heard < SILENCE_NS
        return LinkCheck(connected, self._good_from, self._good_until)

    def _read_links(self) -> Connections:
        """The present connections; one that is made again has another local port."""
        links = self._session.info.links()
        return frozenset((str(link.zid), str(link.src), str(link.dst)) for link in links)

    def _note_links(self, now: int) -> Connections:
        """Compare the connections with those before; a lost one is an interruption.

        Of several peers one may leave, as long as no publisher loses its last subscriber by it.
        """
        links = self._read_links()
        if self._links - links and (self._has_router or not links or self._lacks_subscribers()):
            self._interrupted = True
            self._answered = 0
            self._query = None
        if links - self._links:
            self._connected_ns = now
        self._links = links
        return links

    def _awaits_subscribers(self, now: int) -> bool:
        """After an interruption subscribers reconnect in their own time; until then nothing is good."""
        in_time = now - self._connected_ns < SUBSCRIBERS_NS
        return self._interrupted and in_time and self._lacks_subscribers()

    def _lacks_subscribers(self) -> bool:
        return not all(map(has_subscribers, self._heard_by))

    def _last_answer(self) -> int:
        """Time of the query that is answered now; 0 while none is. Peers are not asked."""
        if not self.knowledge.acknowledged:
            return time.monotonic_ns()
        self._query = query = self._query or Query(self._session)
        if not query.is_over():
            return 0
        self._query = None
        return query.asked_ns if query.answered else 0

    def _confirm(self, asked: int) -> None:
        """Move on what is known to be good, after an answer to what was asked at this time."""
        self._heard = time.monotonic_ns()
        if self._interrupted:
            self._interrupted = False
            self._good_from = self._good_until = asked
        before = self._answered if self.knowledge.acknowledged else asked - LEASE_NS
        self._good_until = max(self._good_until, before)
        self._answered = asked
        if asked - self._counted > RECOUNT_NS:
            self._counted = asked
            self._heard_by = self._last_heard_by
            self._last_heard_by = list(filter(has_subscribers, self._publishers))
