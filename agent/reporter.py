"""Heartbeats: send the state of the unit to the server, and apply the server's commands."""

import gc
import logging
import threading
import time

from agent.backoff import Patience
from agent.client import Client, RequestRefused, ServerUnreachable
from agent.orders import SUPERSEDED, Orders
from agent.protocol import Answer, Command
from agent.status import Status
from agent.work_dir import UnitLog

MAX_UNANSWERED_SECONDS = 600.0
RETRY_SECONDS = 3.0
ANSWER_SECONDS = 3.0
MAX_REFUSALS = 3
BEATS_PER_COLLECTION = 60

log = logging.getLogger(__name__)


class Reporter(threading.Thread):
    """Thread that sends a snapshot with each heartbeat; nothing is queued, as the newest is sufficient."""

    def __init__(self, client: Client, status: Status, orders: Orders, unit_log: UnitLog) -> None:
        super().__init__(name="reporter", daemon=True)
        self.unanswered = False
        """Set when the server has not answered for ten minutes of trying."""
        self._client = client
        self._status = status
        self._orders = orders
        self._seconds = status.heartbeat_seconds
        self._log = unit_log
        self._log_received = 0
        self._sent = 0
        self._refusals = 0
        self._unreachable = False
        self._wake = threading.Event()
        self._answered = threading.Event()
        self._patience = Patience(MAX_UNANSWERED_SECONDS)
        self._final_patience: Patience | None = None

    def report_now(self) -> None:
        """Send a snapshot now, as something has changed."""
        self._wake.set()

    def await_answer(self) -> None:
        """Send a snapshot now, and wait until the server has answered, for a few seconds at most."""
        # A new one, as the answer to an earlier snapshot may be on its way.
        answered = self._answered = threading.Event()
        self.report_now()
        answered.wait(ANSWER_SECONDS)

    def finish(self) -> None:
        """Send the final snapshot until it is acknowledged, for ten minutes at most."""
        self._final_patience = Patience(MAX_UNANSWERED_SECONDS)
        self.report_now()
        self.join()

    def run(self) -> None:
        while not self._orders.superseded:
            started = time.monotonic()
            final = self._final_patience
            try:
                acknowledged = self._send(final=final is not None)
            except Exception:
                # The agents go on, and the next heartbeat tries again.
                log.exception("heartbeat failed")
                acknowledged = False
            if final is not None and (acknowledged or self._gave_up(final)):
                return
            self._wake.wait(max(0.0, self._pause(acknowledged) - (time.monotonic() - started)))
            self._wake.clear()

    def _gave_up(self, patience: Patience) -> bool:
        return self._orders.refused or patience.is_over()

    def _pause(self, acknowledged: bool) -> float:  # noqa: FBT001
        return self._seconds if acknowledged else max(self._seconds, RETRY_SECONDS)

    def _send(self, *, final: bool) -> bool:
        """Send one snapshot; return True when the server has accepted it."""
        self._sent += 1
        if self._sent % BEATS_PER_COLLECTION == 0:
            # Automatic collection is off during replay; the garbage of heartbeats is quickly collected.
            gc.collect()
        answered = self._answered
        offset = self._log_received
        snapshot = self._status.snapshot(offset, self._log.read(offset), final=final)
        sent = time.monotonic_ns()
        try:
            answer = self._client.report(snapshot)
        except RequestRefused as error:
            self._handle_refusal(error)
            return False
        except ServerUnreachable as error:
            self._server_unreachable(str(error))
            return False
        self._status.clock.add(sent, answer.received_ns, answer.sent_ns, time.monotonic_ns())
        self._apply(answer)
        answered.set()
        return True

    def _apply(self, answer: Answer) -> None:
        self._refusals = 0
        self.unanswered = False
        self._patience.renew()
        if self._unreachable:
            log.info("server is reachable again")
            self._unreachable = False
        self._log_received = answer.log_received
        if answer.command is Command.STOP:
            self._orders.stop(answer.reason or "stop")
        elif answer.command is Command.GO and answer.release_ns is not None:
            self._orders.go(answer.release_ns)

    def _handle_refusal(self, error: RequestRefused) -> None:
        """Stop when a newer attempt has taken over, or the server no longer knows this unit."""
        if error.superseded:
            self._orders.stop(SUPERSEDED)
            return
        self._refusals += 1
        log.warning("report refused: %s", error)
        # Not at the first: a proxy that is starting may send any answer.
        if self._refusals >= MAX_REFUSALS:
            self._orders.refuse(str(error))

    def _server_unreachable(self, reason: str) -> None:
        self.unanswered = self._patience.is_over()
        if not self._unreachable:
            log.warning("server is unreachable, reports are kept: %s", reason)
            self._unreachable = True
