"""Heartbeats: the unit's state to the server, the server's command to the unit."""

import gc
import logging
import threading
import time

from agent.client import Client, Refused, ServerAway
from agent.orders import SUPERSEDED, Orders
from agent.protocol import Answer, Command
from agent.status import Status
from agent.work_dir import UnitLog

FINAL_SECONDS = 600.0
SLOWEST_SECONDS = 3.0
REFUSALS = 3
COLLECT_EVERY = 60

log = logging.getLogger(__name__)


class Reporter(threading.Thread):
    """Sends a snapshot each heartbeat; nothing is queued while the server is away, the newest suffices."""

    def __init__(self, client: Client, status: Status, orders: Orders, unit_log: UnitLog) -> None:
        super().__init__(name="reporter", daemon=True)
        self.answered = time.monotonic()
        """When the server last answered; monotonic seconds."""
        self._client = client
        self._status = status
        self._orders = orders
        self._seconds = status.heartbeat_seconds
        self._log = unit_log
        self._log_received = 0
        self._beats = 0
        self._refusals = 0
        self._away = False
        self._nudged = threading.Event()
        self._final_since: float | None = None

    def nudge(self) -> None:
        """Report now: something has changed."""
        self._nudged.set()

    def finish(self) -> None:
        """Send the final snapshot until it is acknowledged, or for ten minutes."""
        self._final_since = time.monotonic()
        self.nudge()
        self.join()

    def run(self) -> None:
        while not self._orders.superseded:
            began = time.monotonic()
            final = self._final_since
            try:
                acknowledged = self._beat(final=final is not None)
            except Exception:
                # Whatever it is, the agents go on and the next beat tries again.
                log.exception("heartbeat failed")
                acknowledged = False
            if final is not None and (acknowledged or self._in_vain(final)):
                return
            self._nudged.wait(max(0.0, self._pause(acknowledged) - (time.monotonic() - began)))
            self._nudged.clear()

    def _in_vain(self, final_since: float) -> bool:
        return self._orders.refused or time.monotonic() - final_since > FINAL_SECONDS

    def _pause(self, acknowledged: bool) -> float:  # noqa: FBT001
        return self._seconds if acknowledged else max(self._seconds, SLOWEST_SECONDS)

    def _beat(self, *, final: bool) -> bool:
        """One exchange; True when the server took the snapshot."""
        self._beats += 1
        if self._beats % COLLECT_EVERY == 0:
            # The collector is off during replay; what heartbeats leave behind is small and quickly found.
            gc.collect()
        offset = self._log_received
        snapshot = self._status.snapshot(offset, self._log.read(offset), final=final)
        sent = time.monotonic_ns()
        try:
            answer = self._client.report(snapshot)
        except Refused as error:
            self._refused(error)
            return False
        except ServerAway as error:
            self._note_away(str(error))
            return False
        self._status.clock.add(sent, answer.received_ns, answer.sent_ns, time.monotonic_ns())
        self._obey(answer)
        return True

    def _obey(self, answer: Answer) -> None:
        self._refusals = 0
        self.answered = time.monotonic()
        if self._away:
            log.info("server is back")
            self._away = False
        self._log_received = answer.log_received
        if answer.command is Command.STOP:
            self._orders.stop(answer.reason or "stop")
        elif answer.command is Command.GO and answer.release_ns is not None:
            self._orders.go(answer.release_ns)

    def _refused(self, error: Refused) -> None:
        """A newer attempt has taken over, or the server knows this unit no longer."""
        if error.superseded:
            self._orders.stop(SUPERSEDED)
            return
        self._refusals += 1
        log.warning("report refused: %s", error)
        # Not at the first: a proxy that starts may answer anything for a moment.
        if self._refusals >= REFUSALS:
            self._orders.refuse(str(error))

    def _note_away(self, why: str) -> None:
        if not self._away:
            log.warning("server is away, reports are held: %s", why)
            self._away = True
