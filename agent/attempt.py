"""One attempt of a unit after its registration: prepare, play, bring the recording home, say goodbye."""

import logging
import time
from collections.abc import Callable

from agent.bags import BagCache
from agent.client import Client
from agent.failures import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_POINTLESS,
    Halted,
    Superseded,
    UnitFailure,
    disk_full,
)
from agent.orders import Orders
from agent.performance import Performance
from agent.protocol import AgentState, Assignment, Failure, RecordingOffer
from agent.replay import Clockwork, undisturbed
from agent.reporter import Reporter
from agent.settings import Settings
from agent.status import Status
from agent.upload import Upload, recorded_files
from agent.work_dir import LastWord, UnitLog

TICK_SECONDS = 0.2
SILENCE_SECONDS = 600.0
"""How long a unit that waits for its release bears that the server does not answer."""

log = logging.getLogger(__name__)


class Attempt:
    """Carries an assignment out, whatever comes."""

    def __init__(
        self,
        settings: Settings,
        assignment: Assignment,
        client: Client,
        orders: Orders,
        unit_log: UnitLog,
    ) -> None:
        self._settings = settings
        self._assignment = assignment
        self._client = client
        self._orders = orders
        self._status = Status(settings.stage_run, settings.unit, assignment)
        self._reporter = Reporter(client, self._status, orders, unit_log)
        self._outcome = AgentState.COMPLETED
        self._code = EXIT_DONE
        self._performance = Performance(
            assignment, settings.work_dir / f"recording-{assignment.attempt}"
        )

    def run(self) -> LastWord:
        """Live to the end; the answer is what `exit.json` is to say."""
        self._reporter.start()
        try:
            self._try(self._play)
            self._try(self._close)
            self._check_superseded()
            if self._assignment.record:
                self._try(self._deliver)
            self._check_superseded()
        except Superseded:
            log.warning("superseded by a newer attempt")
            return LastWord(self._assignment.attempt, EXIT_POINTLESS, "SUPERSEDED")
        return self._say_goodbye()

    def _say_goodbye(self) -> LastWord:
        self._become(self._outcome)
        self._reporter.finish()
        if self._orders.superseded or self._orders.refused:
            self._code = EXIT_POINTLESS
        failure = self._status.failure
        return LastWord(self._assignment.attempt, self._code, failure.code if failure else "")

    def _try(self, step: Callable[[], None]) -> None:
        """Take a step; whatever goes wrong becomes the unit's failure, and the next step is taken."""
        try:
            step()
        except Superseded:
            raise
        except Halted:
            self._outcome = AgentState.STOPPED
        except UnitFailure as failure:
            log.warning("failed: %s %s", failure.code, failure)
            self._fail(failure)
        except Exception as error:
            log.exception("crashed")
            self._fail(self._explain(error))

    def _explain(self, error: Exception) -> UnitFailure:
        """What nobody has put into words yet."""
        if disk_full(error):
            return UnitFailure(
                "DISK_FULL",
                f"The disk is full ({error}). Free some space where {self._settings.work_dir} and "
                f"{self._settings.bag_cache} are, then start again.",
            )
        return UnitFailure(
            "AGENT_CRASHED",
            f"The agent program broke off: {type(error).__name__}: {error}. "
            "Start again; if it happens again, report it with the unit's log.",
        )

    def _fail(self, failure: UnitFailure) -> None:
        """Note a failure; the first one is the cause, what follows is only told."""
        first = self._status.failure
        if first is None:
            self._status.failure = Failure(code=failure.code, text=str(failure))
            self._code = failure.exit_code
        else:
            self._status.failure = Failure(code=first.code, text=f"{first.text} {failure}")
        self._outcome = AgentState.FAILED

    def _check_superseded(self) -> None:
        if self._orders.superseded:
            raise Superseded

    def _become(self, state: AgentState) -> None:
        log.info("%s", state.value.lower())
        self._status.state = state
        self._reporter.nudge()

    def _play(self) -> None:
        """From the download to the last publication. Raises Halted when a stop came before the end."""
        cache = BagCache(self._settings.bag_cache, self._client, self._orders.halt)
        self._performance.prepare(cache.fetch(self._assignment))
        self._status.recorder = self._performance.recorder
        # Freezing what is loaded takes a while: done before the unit calls itself ready.
        with undisturbed():
            self._become(AgentState.READY)
            release_ns = self._await_go()
            clockwork = self._performance.clockwork(
                lambda: self._status.release(release_ns), self._orders.halt
            )
            self._status.clockwork = clockwork
            clockwork.start()
            self._follow(clockwork)
        if clockwork.error:
            raise self._performance.explain(clockwork.error)
        if not clockwork.finished:
            raise Halted

    def _await_go(self) -> int:
        """The release on the server's clock. Raises Halted."""
        while not self._orders.wait(TICK_SECONDS):
            silent = time.monotonic() - self._reporter.answered
            if silent > SILENCE_SECONDS:
                raise UnitFailure(
                    "AGENT_LOST",
                    f"The server did not answer for {silent:.0f} s while the unit waited for the start. "
                    "Check the server, then start again.",
                )
        if self._orders.halt.is_set():
            raise Halted
        return self._orders.release_ns

    def _follow(self, clockwork: Clockwork) -> None:
        """Stand by the clockwork until it ends."""
        recorder = self._performance.recorder
        while clockwork.is_alive():
            clockwork.join(TICK_SECONDS)
            clockwork.drain()
            self._performance.watch()
            if clockwork.started_ns and self._status.state is AgentState.READY:
                self._become(AgentState.RUNNING)
            if recorder and recorder.error and not self._orders.halt.is_set():
                self._orders.stop("the recording cannot be written")

    def _close(self) -> None:
        """Disconnect and finish the recording."""
        self._performance.close()
        recorder = self._performance.recorder
        if recorder and recorder.error:
            raise UnitFailure(
                "DISK_FULL" if disk_full(recorder.error) else "AGENT_CRASHED",
                f"The recording could not be written ({recorder.error}). What was written is in "
                f"{recorder.folder} on the machine of the unit: check its disk, then start again.",
                exit_code=EXIT_FAILED,
            ) from recorder.error

    def _deliver(self) -> None:
        """Upload what was recorded; where there is nothing, say so."""
        self._become(AgentState.UPLOADING)
        offer = self._offer()
        upload = Upload(
            self._client,
            self._performance.recording,
            offer,
            limit_seconds=self._assignment.upload_limit_seconds,
            superseded=lambda: self._orders.superseded,
        )
        upload.run()
        log.info("recording delivered: %d messages", offer.message_count)

    def _offer(self) -> RecordingOffer:
        recorder = self._performance.recorder
        summary = recorder.summary() if recorder else None
        messages = summary.messages if summary else 0
        return RecordingOffer(
            stage_run=self._settings.stage_run,
            unit=self._settings.unit,
            attempt=self._assignment.attempt,
            message_count=messages,
            topics=dict(recorder.counts) if recorder else {},
            dropped=summary.dropped if summary else 0,
            files=recorded_files(self._performance.recording) if messages else (),
        )
