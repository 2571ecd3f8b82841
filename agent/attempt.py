"""One attempt of a unit after its registration: prepare, replay, upload the recording, report the end."""

import logging
from collections.abc import Callable

import msgspec

from agent.bags import BagCache
from agent.client import Client
from agent.failures import (
    EXIT_FAILED,
    EXIT_NO_RETRY,
    EXIT_OK,
    Halted,
    Superseded,
    UnitFailure,
    is_disk_full,
    terminated,
)
from agent.low_latency import low_latency
from agent.orders import Orders
from agent.protocol import AgentState, Assignment, ExitReport, Failure
from agent.replay import Player
from agent.reporter import Reporter
from agent.session import Session
from agent.settings import Settings
from agent.status import Status
from agent.work_dir import UnitLog

TICK_SECONDS = 0.2

log = logging.getLogger(__name__)


class Attempt:
    """Execution of an assignment; every error becomes a reported failure."""

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
        self._code = EXIT_OK
        self._session = Session(settings, assignment, client, orders)

    def run(self) -> ExitReport:
        """Run the attempt to its end.

        Returns:
            The end of the unit.
        """
        self._reporter.start()
        try:
            self._attempt(self._play)
            self._attempt(self._close)
            self._check_superseded()
            if self._assignment.record:
                self._attempt(self._upload_recordings)
            self._check_superseded()
        except Superseded:
            log.warning("superseded by a newer attempt")
            return self._exit_report(EXIT_NO_RETRY, "SUPERSEDED", "Another attempt took over.")
        return self._report_end()

    def _report_end(self) -> ExitReport:
        if self._outcome is AgentState.STOPPED and self._is_terminated():
            self._fail(terminated())
        self._enter_state(self._outcome)
        self._reporter.finish()
        if self._orders.superseded or self._orders.refused:
            self._code = EXIT_NO_RETRY
        failure = self._status.failure
        return self._exit_report(self._code, *((failure.code, failure.text) if failure else ()))

    def _exit_report(self, code: int, failure: str = "", text: str = "") -> ExitReport:
        return ExitReport(attempt=self._assignment.attempt, code=code, failure=failure, text=text)

    def _is_terminated(self) -> bool:
        """Check that the unit was stopped by a SIGTERM alone: the server may have ordered it too."""
        if self._orders.terminated:
            self._reporter.await_answer()
        return self._orders.terminated

    def _attempt(self, step: Callable[[], None]) -> None:
        """Run a step; an error becomes the failure of the unit, and the next step still runs."""
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
        """Convert an unexpected exception into a failure."""
        if is_disk_full(error):
            return UnitFailure(
                "DISK_FULL",
                f"The disk is full ({error}). Free some space for {self._settings.work_dir} and "
                f"{self._settings.bag_cache}, then start again.",
            )
        return UnitFailure(
            "AGENT_CRASHED",
            f"The agent program crashed: {type(error).__name__}: {error}. "
            "Start again; if it happens again, report it with the unit's log.",
        )

    def _fail(self, failure: UnitFailure) -> None:
        """Record a failure; the first one is the cause, later ones are added to its text."""
        first = self._status.failure
        if first is None:
            self._status.failure = Failure(
                code=failure.code, text=str(failure), unheard=failure.unheard
            )
            self._code = failure.exit_code
        else:
            self._status.failure = msgspec.structs.replace(first, text=f"{first.text} {failure}")
        self._outcome = AgentState.FAILED

    def _check_superseded(self) -> None:
        if self._orders.superseded:
            raise Superseded

    def _enter_state(self, state: AgentState) -> None:
        log.info("%s", state.value.lower())
        self._status.state = state
        self._reporter.report_now()

    def _play(self) -> None:
        """Download, prepare and replay.

        Raises:
            Halted: A stop came before the end.
        """
        cache = BagCache(self._settings.bag_cache, self._client, self._orders.halt)
        self._session.prepare(cache.fetch(self._assignment))
        self._status.recordings, self._status.link = self._session.recordings, self._session.link
        self._session.matching.await_required(self._orders.halt)
        # Freezing the loaded objects takes a while: done before the unit reports that it is ready.
        with low_latency():
            self._enter_state(AgentState.READY)
            release_ns = self._await_release()
            # Seconds before the start, which it does not delay.
            self._status.matched = self._session.matching.count()
            player = self._session.player(
                lambda: self._status.release(release_ns), self._orders.halt
            )
            self._status.player = player
            player.start()
            self._follow(player)
        self._session.await_confirmation(stopped=self._orders.halt.is_set())
        if player.error:
            raise self._session.explain(player.error)
        if not player.finished:
            raise Halted
        self._session.check_delivery()

    def _await_release(self) -> int:
        """Wait for the release.

        Returns:
            Its time on the server's clock.

        Raises:
            Halted: A stop came first.
        """
        while not self._orders.wait(TICK_SECONDS):
            if self._reporter.unanswered:
                raise UnitFailure(
                    "AGENT_LOST",
                    "The server did not answer for ten minutes while the unit waited for the start. "
                    "Check the server, then start again.",
                )
        if self._orders.halt.is_set():
            raise Halted
        return self._orders.release_ns

    def _follow(self, player: Player) -> None:
        """Watch the player until it ends."""
        recordings = self._session.recordings
        while player.is_alive():
            player.join(TICK_SECONDS)
            player.drain()
            if player.started_ns and self._status.state is AgentState.READY:
                self._enter_state(AgentState.RUNNING)
            if recordings and recordings.recorder.error and not self._orders.halt.is_set():
                self._orders.stop("the recording cannot be written")

    def _close(self) -> None:
        """Disconnect and finish the recording."""
        self._session.close()
        recordings = self._session.recordings
        if recordings and (error := recordings.recorder.error):
            raise UnitFailure(
                "DISK_FULL" if is_disk_full(error) else "AGENT_CRASHED",
                f"The recording could not be written ({error}). What was written and is not stored is in "
                f"{recordings.folder} on the machine of the unit: check its disk, then start again.",
                exit_code=EXIT_FAILED,
            ) from error

    def _upload_recordings(self) -> None:
        """Upload the recordings, or report that they are empty."""
        self._enter_state(AgentState.UPLOADING)
        self._session.upload_recordings()
