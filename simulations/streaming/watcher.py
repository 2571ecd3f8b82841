"""The Server-Sent Events of one watcher of an execution.

A watcher is a position in the hub's list of events and buffers nothing: the newest progress replaces older
ones, and a watcher that is further behind than the list is long is closed. It reconnects with the number of
the last event that it has received, and is sent the following ones.
"""

import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
import structlog
from django.conf import settings

from simulations.services import events
from simulations.streaming.hub import PAGE_SIZE, Hub, frame, join, read_in_thread
from simulations.streaming.viewers import Viewer, may_watch

RETRY = b"retry: 2000\n\n"
HEARTBEAT = b": heartbeat\n\n"
MAX_SECONDS = 900.0
"""After that a stream ends, so that its client authenticates again."""


async def watch(
    execution_id: int,
    last_event: int | None,
    viewer: Viewer,
    log_context: Mapping[str, Any] | None = None,
) -> AsyncIterator[bytes]:
    """Stream an execution until it has ended, the time is up, or the watcher is too far behind.

    It also ends when the viewer may not watch any more.

    Args:
        execution_id: Primary key of the execution.
        last_event: Number of the last event that the client has received; None: from the first one.
        viewer: The user that watches.
        log_context: Values of the request for each log line.
    """
    structlog.contextvars.bind_contextvars(**{**(log_context or {}), "execution": execution_id})
    yield RETRY
    async with join(execution_id) as hub:
        while hub.progress is None and not hub.broken:  # its first read is under way
            if not await hub.wait_for_change(settings.STREAM_HEARTBEAT_SECONDS):
                yield HEARTBEAT
        watcher = Watcher(hub, last_event or 0)
        if last_event is not None and await watcher.has_gap():
            yield watcher.skip_gap()
        while watcher.is_behind:
            yield await watcher.read_older()
        until = time.monotonic() + MAX_SECONDS
        while watcher.is_open and time.monotonic() < until and await may_watch(viewer):
            if chunk := watcher.read_new():
                yield chunk
            elif not await hub.wait_for_change(settings.STREAM_HEARTBEAT_SECONDS):
                yield HEARTBEAT


class Watcher:
    """A position in a hub: the last event and the version of the progress that were sent."""

    def __init__(self, hub: Hub, position: int) -> None:
        self._hub = hub
        self._position = position
        self._version = 0
        self._end_sent = False

    @property
    def is_behind(self) -> bool:
        """The next event is not in the hub's list any more."""
        events = self._hub.events
        return bool(events) and events[0][0] > self._position + 1

    @property
    def is_open(self) -> bool:
        """More may follow from this hub."""
        return not (self._end_sent or self._hub.broken or self.is_behind)

    def read_new(self) -> bytes:
        """Frames since the last call; empty if nothing has changed."""
        hub, events = self._hub, []
        for sequence, event in reversed(hub.events):
            if sequence <= self._position:
                break
            events.append(event)
        chunk = b"".join(reversed(events))
        self._position = hub.last_event
        if hub.progress_version != self._version:
            self._version = hub.progress_version
            chunk += hub.progress_frame
        if hub.ended:
            self._end_sent = True
            chunk += self._end_frame()
        return chunk

    async def read_older(self) -> bytes:
        """Frames of the next events from the database."""
        page = await read_in_thread(events.after, self._hub.execution_id, self._position, PAGE_SIZE)
        # An empty page: the events up to the hub's list were pruned.
        self._position = page[-1][0] if page else self._hub.events[0][0] - 1
        return b"".join(frame("event", event, sequence) for sequence, event in page)

    async def has_gap(self) -> bool:
        """Check whether the event after the position was pruned, or the position never existed."""
        hub, position = self._hub, self._position
        if position >= hub.last_event:
            return position > hub.last_event
        if any(sequence == position + 1 for sequence, _event in hub.events):
            return False
        page = await read_in_thread(events.after, hub.execution_id, position, 1)
        return not page or page[0][0] != position + 1

    def skip_gap(self) -> bytes:
        """Move to the newest event; the frame asks the client to read the list of events again."""
        requested, self._position = self._position, self._hub.last_event
        data = msgspec.json.encode({"asked": requested, "newest": self._position})
        return frame("gap", data, self._position)

    def _end_frame(self) -> bytes:
        progress = self._hub.progress
        data = {}
        if progress:
            data = {"status": progress.status, "data_status": progress.data_status}
        return frame("end", msgspec.json.encode(data))
