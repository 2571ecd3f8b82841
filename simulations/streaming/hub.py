"""One hub per watched execution and process: it receives events and progress, and wakes its watchers.

Events come from Redis as they are committed. Missing numbers, and events that were never published (Redis
emptied or unreachable, a publisher killed between commit and publication), are read from the database: each
second the progress includes the number of the newest event. Sequence numbers are assigned under the lock of
the execution's row, so all events before a committed one are committed too.

No database connection stays open: a few threads read and close theirs.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import msgspec
import structlog
from django.db import DatabaseError, InterfaceError, connections

from common.exceptions import NotFoundError
from simulations.choices import ENDED, EventKind
from simulations.exceptions import RedisUnreachableError
from simulations.live.events import Listener, Published
from simulations.services import events
from simulations.services.progress.progress import FRESH_SECONDS, Progress, progress_by_id

log = structlog.get_logger(__name__)
Result = TypeVar("Result")

MAX_BACKLOG = 500
"""Events that a watcher may be behind; after more its stream is closed, and it reconnects."""
PAGE_SIZE = 200
RETRY_SECONDS = 3.0
"""Time between two reads of the database while Redis is unreachable."""
_LISTEN_SECONDS = 5.0
_NO_TIME = datetime.min.replace(tzinfo=UTC)
_STATUS_KIND = f'"{EventKind.EXECUTION_STATUS}"'.encode()
_READERS = ThreadPoolExecutor(max_workers=4, thread_name_prefix="feed")


async def read_in_thread(read: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
    """Read from the database in a thread, and close its connection."""

    def run() -> Result:
        try:
            return read(*args, **kwargs)
        finally:
            connections.close_all()

    return await asyncio.get_running_loop().run_in_executor(_READERS, run)


def frame(event: str, data: bytes, number: int | None = None) -> bytes:
    """A Server-Sent Event; clients can resume after one with a number."""
    head = b"" if number is None else b"id: %d\n" % number
    return b"%sevent: %s\ndata: %s\n\n" % (head, event.encode(), data)


class Hub:
    """Events and progress of one execution, shared by its watchers in one event loop."""

    def __init__(self, execution_id: int) -> None:
        self.execution_id = execution_id
        self.events: deque[tuple[int, bytes]] = deque(maxlen=MAX_BACKLOG)
        """The newest events without a gap, as frames."""
        self.last_event = 0
        self.progress: Progress | None = None
        self.progress_frame = b""
        self.progress_version = 0
        self.ended = False
        """The execution has ended: `events` and `progress` are final."""
        self.watchers = 0
        self._waiting: set[asyncio.Future[bool]] = set()
        self._reading = asyncio.Lock()
        self._refresh_now = asyncio.Event()
        self._redis_unreachable = False
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._on_done)

    @property
    def broken(self) -> bool:
        """It has stopped before the execution has ended."""
        return self._task.done() and not self.ended

    async def wait_for_change(self, seconds: float) -> bool:
        """Wait until something has changed or the hub is broken; False after the timeout."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        timer = loop.call_later(seconds, _resolve, waiter, False)  # noqa: FBT003
        self._waiting.add(waiter)
        try:
            return await waiter
        finally:
            timer.cancel()
            self._waiting.discard(waiter)

    def close(self) -> None:
        """Stop reading."""
        self._task.cancel()

    def _wake_watchers(self) -> None:
        waiting, self._waiting = self._waiting, set()
        for waiter in waiting:
            _resolve(waiter, True)  # noqa: FBT003

    def _on_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            log.error("feed_failed", execution=self.execution_id, exc_info=error)
        self._wake_watchers()

    async def _run(self) -> None:
        # The hub serves all watchers, so its log lines must not carry the request of the first.
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(execution=self.execution_id)
        await self._refresh()
        if self.ended:
            return
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(self._listen())
            await self._refresh_until_end()
            listening.cancel()

    async def _listen(self) -> None:
        """Receive events as they are committed."""
        listener = Listener(self.execution_id)
        try:
            while True:
                try:
                    published = await listener.read(_LISTEN_SECONDS)
                    self._redis_unreachable = False
                except RedisUnreachableError:
                    self._redis_unreachable = True
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                await self._receive(published)
        finally:
            await listener.close()

    async def _refresh_until_end(self) -> None:
        """Read the progress each second, until the execution has ended."""
        while not self.ended:
            self._refresh_now.clear()
            try:
                pause = RETRY_SECONDS if self._redis_unreachable else FRESH_SECONDS
                await asyncio.wait_for(self._refresh_now.wait(), pause)
            except TimeoutError:
                pass
            await self._refresh()

    async def _refresh(self) -> None:
        try:
            progress = await read_in_thread(
                progress_by_id, self.execution_id, min_event=self.last_event
            )
            if progress.last_event > self.last_event:
                async with self._reading:
                    await self._read_events()
                    # Events that are not in the database any more were pruned.
                    self.last_event = max(self.last_event, progress.last_event)
        except (DatabaseError, InterfaceError) as error:
            log.warning("feed_waits_for_the_database", error=str(error))
            return
        except NotFoundError:  # deleted meanwhile: watchers that reconnect get a 404
            self._task.cancel()
            return
        self._set_progress(progress)
        self.ended = progress.status in ENDED and self.last_event >= progress.last_event
        self._wake_watchers()

    def _set_progress(self, progress: Progress) -> None:
        """Take over a progress in which more than times has changed."""
        current = self.progress
        if current is not None and _without_times(progress) == _without_times(current):
            return
        self.progress = progress
        self.progress_frame = frame("progress", msgspec.json.encode(progress))
        self.progress_version += 1

    async def _receive(self, published: list[Published]) -> None:
        async with self._reading:
            for sequence, event in sorted(published):
                if sequence > self.last_event + 1:
                    try:
                        await self._read_events()
                    except (DatabaseError, InterfaceError):
                        break  # the next refresh reads them
                if sequence == self.last_event + 1:
                    self._append(sequence, event)
        self._wake_watchers()

    async def _read_events(self) -> None:
        """Read the events after the last one; at first the newest `MAX_BACKLOG`."""
        if not self.last_event:
            for sequence, event in await read_in_thread(
                events.newest, self.execution_id, MAX_BACKLOG
            ):
                self._append(sequence, event)
            return
        while page := await read_in_thread(
            events.after, self.execution_id, self.last_event, PAGE_SIZE
        ):
            for sequence, event in page:
                self._append(sequence, event)

    def _append(self, sequence: int, event: bytes) -> None:
        self.events.append((sequence, frame("event", event, sequence)))
        self.last_event = sequence
        if _STATUS_KIND in event:
            self._refresh_now.set()


def _without_times(progress: Progress) -> Progress:
    stages = tuple(msgspec.structs.replace(stage, expected_end=None) for stage in progress.stages)
    return msgspec.structs.replace(progress, as_of=_NO_TIME, expected_end=None, stages=stages)


def _resolve(waiter: asyncio.Future[bool], changed: bool) -> None:  # noqa: FBT001
    if not waiter.done():
        waiter.set_result(changed)


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, Hub]] = WeakKeyDictionary()


def count_watchers() -> int:
    """Number of watchers of this process."""
    return sum(hub.watchers for hubs in list(_hubs.values()) for hub in list(hubs.values()))


@asynccontextmanager
async def join(execution_id: int) -> AsyncIterator[Hub]:
    """The hub of an execution; it is closed when its last watcher leaves."""
    hubs = _hubs.setdefault(asyncio.get_running_loop(), {})
    hub = hubs.get(execution_id)
    if hub is None or hub.broken:
        hub = hubs[execution_id] = Hub(execution_id)
    hub.watchers += 1
    try:
        yield hub
    finally:
        hub.watchers -= 1
        if not hub.watchers:
            hub.close()
            if hubs.get(execution_id) is hub:
                del hubs[execution_id]
