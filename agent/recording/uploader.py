"""The uploader of a unit: a thread that stores closed segments while the run goes on."""

import logging
import queue
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from agent.backoff import Patience, pauses
from agent.bags import sha256_of
from agent.client import Client, RequestRefused, ServerUnreachable
from agent.failures import Superseded, UnitFailure
from agent.protocol import RecordedFile, RecordingClosed, SegmentOffer
from agent.recording.segments import Segment
from agent.recording.upload import PartError, SegmentUpload

UPLOAD_INCOMPLETE = "UPLOAD_INCOMPLETE"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sender:
    """The unit that uploads, and its attempt."""

    stage_run: int
    unit: int
    attempt: int


@dataclass
class Stored:
    """Segments of one recording that are stored, and those that wait."""

    segments: int = 0
    messages: int = 0
    waiting: list[Segment] = field(default_factory=list)


class Uploader(threading.Thread):
    """Thread that uploads the segments of each recording in their order, and deletes those that are stored.

    `agents` has the number of each recording's agent; None: it is that of the whole unit. As long as the run
    goes on, a storage or server that does not answer is waited for without limit.
    """

    def __init__(
        self,
        client: Client,
        sender: Sender,
        agents: tuple[int | None, ...],
        *,
        limit_seconds: float,
        superseded: Callable[[], bool],
    ) -> None:
        super().__init__(name="uploader", daemon=True)
        self.error: Exception | None = None
        """UnitFailure or Superseded, after which nothing more is uploaded."""
        self._client = client
        self._sender = sender
        self._agents = agents
        self._stored = tuple(Stored() for _ in agents)
        self._superseded = superseded
        self._patience = Patience(limit_seconds)
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[tuple[int, Segment] | None] = queue.SimpleQueue()

    def add(self, recording: int, segment: Segment) -> None:
        """Upload a closed segment when its turn has come."""
        with self._lock:
            self._stored[recording].waiting.append(segment)
        self._queue.put((recording, segment))

    def stored_segments(self, recording: int) -> int:
        """Number of segments that are stored."""
        return self._stored[recording].segments

    def waiting_since_ns(self, recording: int) -> int | None:
        """Time of the first message in a closed segment that is not stored; None: all are."""
        with self._lock:
            waiting = self._stored[recording].waiting
            return waiting[0].first_ns if waiting else None

    def finish(self, dropped: tuple[int, ...]) -> None:
        """Upload what is left, then close each recording.

        Args:
            dropped: Messages of each recording that were received and could not be written.

        Raises:
            UnitFailure: UPLOAD_FAILED, after the limit without a stored part, or a definite refusal.
            Superseded: A newer attempt has taken over.
        """
        self._patience.renew()
        self._ending.set()
        self._queue.put(None)
        self.join()
        if self.error:
            raise self.error
        for recording, lost in enumerate(dropped):
            self._close(recording, lost)

    def run(self) -> None:
        try:
            while (entry := self._queue.get()) is not None:
                self._store(*entry)
        except Exception as error:  # noqa: BLE001 - raised by `finish`
            self.error = error

    def _store(self, recording: int, segment: Segment) -> None:
        offer = self._offer(recording, segment)
        upload = SegmentUpload(
            self._client,
            segment.file,
            offer,
            superseded=self._superseded,
            on_part=self._patience.renew,
        )
        self._retry(upload.send)
        with self._lock:
            stored = self._stored[recording]
            stored.waiting.pop(0)
            stored.segments += 1
            stored.messages += segment.messages
        shutil.rmtree(segment.file.parent, ignore_errors=True)
        log.info("recording: %s stored, %d messages", segment.file.name, segment.messages)

    def _offer(self, recording: int, segment: Segment) -> SegmentOffer:
        file = segment.file
        return SegmentOffer(
            stage_run=self._sender.stage_run,
            unit=self._sender.unit,
            attempt=self._sender.attempt,
            agent=self._agents[recording],
            segment=segment.number,
            file=RecordedFile(path=file.name, size=file.stat().st_size, sha256=sha256_of(file)),
            first_ns=segment.first_ns,
            last_ns=segment.last_ns,
            topics=segment.counts,
        )

    def _close(self, recording: int, dropped: int) -> None:
        stored = self._stored[recording]
        closed = RecordingClosed(
            stage_run=self._sender.stage_run,
            unit=self._sender.unit,
            attempt=self._sender.attempt,
            agent=self._agents[recording],
            segments=stored.segments,
            message_count=stored.messages,
            dropped=dropped,
        )
        self._retry(lambda: self._client.close_recording(closed))
        log.info("recording uploaded: %d messages", stored.messages)

    def _retry(self, step: Callable[[], object]) -> None:
        """Repeat a step until it succeeds, at the end of the run only for the limit."""
        for pause in pauses():
            if self._superseded():
                raise Superseded
            try:
                step()
            except RequestRefused as error:
                if error.superseded:
                    raise Superseded from error
                # The storage lacks parts that it had confirmed: the missing ones are sent again.
                if error.code != UPLOAD_INCOMPLETE:
                    raise self._failure(error) from error
                self._check_patience(error)
            except (ServerUnreachable, PartError) as error:
                self._check_patience(error)
            else:
                self._patience.renew()
                return
            time.sleep(pause)

    def _check_patience(self, error: Exception) -> None:
        if self._ending.is_set() and self._patience.is_over():
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> UnitFailure:
        folders = {segment.file.parent.parent for row in self._stored for segment in row.waiting}
        kept = ", ".join(str(folder) for folder in sorted(folders))
        return UnitFailure(
            "UPLOAD_FAILED",
            f"A recording could not be stored ({error}). Its files are kept in {kept or 'no folder'} on the "
            "machine of the unit: check the storage, then import them.",
        )
