"""One feed per watched execution and process: it hears of events and progress, and wakes its watchers.

Events come from Redis in the moment of their commit. A number that is missing in between, and whatever was
never published (Redis emptied or away, a publisher killed between commit and publication), is read from the
database: each second the progress tells the number of the newest event. Sequence numbers are given under the
lock of the execution's row, so what is below a committed number is committed too.

No database connection stays open: reads run in a few threads and give it back.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import msgspec
import structlog
from django.db import DatabaseError, InterfaceError, connections

from common.exceptions import NotFoundError
from simulations.choices import ENDED, EventKind
from simulations.exceptions import LiveAwayError
from simulations.live.events import Listener, Published
from simulations.services import events
from simulations.services.progress.progress import FRESH_SECONDS, Progress, progress_by_id

log = structlog.get_logger(__name__)
Found = TypeVar("Found")

BACKLOG = 500
"""Events that a watcher may be behind; who is further behind is closed and comes back."""
PAGE = 200
AWAY_SECONDS = 3.0
"""Between two looks at the database while Redis is away."""
_LISTEN_SECONDS = 5.0
_STATUS = f'"{EventKind.EXECUTION_STATUS}"'.encode()
_READERS = ThreadPoolExecutor(max_workers=4, thread_name_prefix="feed")


async def short(read: Callable[..., Found], *words: Any, **named: Any) -> Found:
    """Read from the database in a thread, and give the connection back."""

    def run() -> Found:
        try:
            return read(*words, **named)
        finally:
            connections.close_all()

    return await asyncio.get_running_loop().run_in_executor(_READERS, run)


def frame(event: str, data: bytes, number: int | None = None) -> bytes:
    """One event as it goes over the wire; with its number it can be resumed from."""
    head = b"" if number is None else b"id: %d\n" % number
    return b"%sevent: %s\ndata: %s\n\n" % (head, event.encode(), data)


class Feed:
    """What watchers of one execution share; lives in one event loop."""

    def __init__(self, execution_id: int) -> None:
        self.execution_id = execution_id
        self.events: deque[tuple[int, bytes]] = deque(maxlen=BACKLOG)
        """The newest events without a hole, ready to be sent."""
        self.last = 0
        self.progress: Progress | None = None
        self.progress_frame = b""
        self.progress_version = 0
        self.ended = False
        """Nothing follows: all events up to `last` and the final progress are here."""
        self.watchers = 0
        self._waiting: set[asyncio.Future[bool]] = set()
        self._filling = asyncio.Lock()
        self._look = asyncio.Event()
        self._away = False
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._finished)

    @property
    def broken(self) -> bool:
        """It has stopped before its execution has ended."""
        return self._task.done() and not self.ended

    async def news(self, seconds: float) -> bool:
        """Wait until something is new, or broken; False when nothing was for so long."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        timer = loop.call_later(seconds, _settle, waiter, False)  # noqa: FBT003
        self._waiting.add(waiter)
        try:
            return await waiter
        finally:
            timer.cancel()
            self._waiting.discard(waiter)

    def close(self) -> None:
        """Stop reading."""
        self._task.cancel()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, set()
        for waiter in waiting:
            _settle(waiter, True)  # noqa: FBT003

    def _finished(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            log.error("feed_failed", execution=self.execution_id, exc_info=error)
        self._wake()

    async def _run(self) -> None:
        # Of all who watch: not of the request that happened to be the first.
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(execution=self.execution_id)
        await self._look_again()
        if self.ended:
            return
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(self._listen())
            await self._follow()
            listening.cancel()

    async def _listen(self) -> None:
        """Hear of events as they are committed."""
        listener = Listener(self.execution_id)
        try:
            while True:
                try:
                    published = await listener.read(_LISTEN_SECONDS)
                    self._away = False
                except LiveAwayError:
                    self._away = True
                    await asyncio.sleep(AWAY_SECONDS)
                    continue
                await self._take(published)
        finally:
            await listener.close()

    async def _follow(self) -> None:
        """Look at the progress each second, until the execution has ended."""
        while not self.ended:
            self._look.clear()
            try:
                pause = AWAY_SECONDS if self._away else FRESH_SECONDS
                await asyncio.wait_for(self._look.wait(), pause)
            except TimeoutError:
                pass
            await self._look_again()

    async def _look_again(self) -> None:
        try:
            progress = await short(progress_by_id, self.execution_id, min_event=self.last)
            if progress.last_event > self.last:
                async with self._filling:
                    await self._fill()
                    # What is not in the database now has been pruned.
                    self.last = max(self.last, progress.last_event)
        except (DatabaseError, InterfaceError) as error:
            log.warning("feed_waits_for_the_database", error=str(error))
            return
        except NotFoundError:  # deleted meanwhile: whoever comes back is told so
            self._task.cancel()
            return
        self._show(progress)
        self.ended = progress.status in ENDED and self.last >= progress.last_event
        self._wake()

    def _show(self, progress: Progress) -> None:
        """Take a progress over, unless nothing has changed but the time."""
        before = self.progress
        if before is not None:
            same = msgspec.structs.replace(
                progress, as_of=before.as_of, expected_end=before.expected_end, stages=before.stages
            )
            stages = [msgspec.structs.replace(s, expected_end=None) for s in progress.stages]
            known = [msgspec.structs.replace(s, expected_end=None) for s in before.stages]
            if same == before and stages == known:
                return
        self.progress = progress
        self.progress_frame = frame("progress", msgspec.json.encode(progress))
        self.progress_version += 1

    async def _take(self, published: list[Published]) -> None:
        async with self._filling:
            for sequence, event in sorted(published):
                if sequence > self.last + 1:
                    try:
                        await self._fill()
                    except (DatabaseError, InterfaceError):
                        break  # the next look at the progress fills it
                if sequence == self.last + 1:
                    self._append(sequence, event)
        self._wake()

    async def _fill(self) -> None:
        """Read what follows the last known event; at first the newest that watchers may be behind."""
        if not self.last:
            for sequence, event in await short(events.newest, self.execution_id, BACKLOG):
                self._append(sequence, event)
            return
        while later := await short(events.after, self.execution_id, self.last, PAGE):
            for sequence, event in later:
                self._append(sequence, event)

    def _append(self, sequence: int, event: bytes) -> None:
        self.events.append((sequence, frame("event", event, sequence)))
        self.last = sequence
        if _STATUS in event:
            self._look.set()


def _settle(waiter: asyncio.Future[bool], news: bool) -> None:  # noqa: FBT001
    if not waiter.done():
        waiter.set_result(news)


_feeds: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, Feed]] = WeakKeyDictionary()


def watchers() -> int:
    """How many watchers this process has."""
    return sum(feed.watchers for feeds in list(_feeds.values()) for feed in list(feeds.values()))


def feeds() -> int:
    """How many executions this process reads."""
    return sum(len(some) for some in list(_feeds.values()))


@asynccontextmanager
async def joined(execution_id: int) -> AsyncIterator[Feed]:
    """The feed of an execution; it is there as long as somebody holds it."""
    here = _feeds.setdefault(asyncio.get_running_loop(), {})
    feed = here.get(execution_id)
    if feed is None or feed.broken:
        feed = here[execution_id] = Feed(execution_id)
    feed.watchers += 1
    try:
        yield feed
    finally:
        feed.watchers -= 1
        if not feed.watchers:
            feed.close()
            if here.get(execution_id) is feed:
                del here[execution_id]
