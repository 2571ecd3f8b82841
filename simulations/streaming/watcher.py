"""What one watcher of an execution is sent, as Server-Sent Events.

Each watcher is a place in the feed's list of events, and nothing is kept for it: the newest progress
replaces older ones, and who is further behind than the list is long is closed. It comes back with the number
of the last event that it has seen, and goes on from there.
"""

import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
import structlog
from django.conf import settings

from simulations.services import events
from simulations.streaming.hub import PAGE, Feed, frame, joined, short
from simulations.streaming.viewers import Viewer, may_watch

RETRY = b"retry: 2000\n\n"
HEARTBEAT = b": heartbeat\n\n"
LIFETIME_SECONDS = 900.0
"""Then a stream ends, so that who may not watch any more has to show himself again."""


async def watch(
    execution_id: int, seen: int | None, viewer: Viewer, bound: Mapping[str, Any] | None = None
) -> AsyncIterator[bytes]:
    """All that happens to an execution after event `seen`, from the oldest event where it is None.

    Ends after the execution's end, after its lifetime, for a watcher that is too far behind, and for a
    viewer who may not watch any more. `bound` is what the log says in each line of the request.
    """
    structlog.contextvars.bind_contextvars(**{**(bound or {}), "execution": execution_id})
    yield RETRY
    async with joined(execution_id) as feed:
        while feed.progress is None and not feed.broken:  # it has only just begun to look
            if not await feed.news(settings.STREAM_HEARTBEAT_SECONDS):
                yield HEARTBEAT
        watcher = Watcher(feed, seen or 0)
        if seen is not None and await watcher.lacks(seen):
            yield watcher.gap(seen)
        while watcher.before_the_feed:
            yield await watcher.earlier()
        until = time.monotonic() + LIFETIME_SECONDS
        while watcher.may_go_on and time.monotonic() < until and await may_watch(viewer):
            if chunk := watcher.new():
                yield chunk
            elif not await feed.news(settings.STREAM_HEARTBEAT_SECONDS):
                yield HEARTBEAT


class Watcher:
    """A place in a feed: the last event and the progress that were sent."""

    def __init__(self, feed: Feed, position: int) -> None:
        self._feed = feed
        self._position = position
        self._version = 0
        self._over = False

    @property
    def before_the_feed(self) -> bool:
        """Whether what follows its place is not in the feed's list any more."""
        events = self._feed.events
        return bool(events) and events[0][0] > self._position + 1

    @property
    def may_go_on(self) -> bool:
        """Whether there is more to come from this feed."""
        return not (self._over or self._feed.broken or self.before_the_feed)

    def new(self) -> bytes:
        """All that is new since the last call; empty when nothing is."""
        feed, events = self._feed, []
        for sequence, event in reversed(feed.events):
            if sequence <= self._position:
                break
            events.append(event)
        chunk = b"".join(reversed(events))
        self._position = feed.last
        if feed.progress_version != self._version:
            self._version = feed.progress_version
            chunk += feed.progress_frame
        if feed.ended:
            self._over = True
            chunk += self._end()
        return chunk

    async def earlier(self) -> bytes:
        """Events that follow its place, from the database."""
        page = await short(events.after, self._feed.execution_id, self._position, PAGE)
        # Without any, those up to the feed's list are gone.
        self._position = page[-1][0] if page else self._feed.events[0][0] - 1
        return b"".join(frame("event", event, sequence) for sequence, event in page)

    async def lacks(self, seen: int) -> bool:
        """Whether what follows event `seen` is not there any more, or never was."""
        feed = self._feed
        if seen >= feed.last:
            return seen > feed.last
        if any(sequence == seen + 1 for sequence, _event in feed.events):
            return False
        following = await short(events.after, feed.execution_id, seen, 1)
        return not following or following[0][0] != seen + 1

    def gap(self, seen: int) -> bytes:
        """The client has to read the list of events again; it is resumed from the newest."""
        self._position = self._feed.last
        data = msgspec.json.encode({"asked": seen, "newest": self._position})
        return frame("gap", data, self._position)

    def _end(self) -> bytes:
        seen = self._feed.progress
        told = {"status": seen.status, "data_status": seen.data_status} if seen else {}
        return frame("end", msgspec.json.encode(told))
