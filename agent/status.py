"""What the unit knows of itself, as one snapshot."""

import threading
import time

from agent.clock import ServerClock
from agent.protocol import (
    AgentReport,
    AgentState,
    Assignment,
    Failure,
    RecordingSummary,
    Snapshot,
)
from agent.recorder import Recorder
from agent.replay import Clockwork


class Status:
    """State of the unit's agents, who move together; set by the main thread, read by the reporter."""

    def __init__(self, stage_run: int, unit: int, assignment: Assignment) -> None:
        self.clock = ServerClock()
        self.state = AgentState.STARTING
        self.failure: Failure | None = None
        self.clockwork: Clockwork | None = None
        self.recorder: Recorder | None = None
        self.heartbeat_seconds = assignment.heartbeat_seconds
        self._stage_run = stage_run
        self._unit = unit
        self._assignment = assignment
        self._uncertainty_us: float | None = None
        self._sequence = 0
        self._lock = threading.Lock()

    def release(self, release_ns: int) -> int:
        """The release as a monotonic instant, by the best estimate so far."""
        self._uncertainty_us = self.clock.uncertainty_us
        return self.clock.to_monotonic(release_ns)

    def snapshot(self, log_offset: int, log: str, *, final: bool) -> Snapshot:
        """The whole state now, under the next sequence number."""
        clockwork = self.clockwork
        with self._lock:
            self._sequence += 1
            sequence = self._sequence
        if clockwork:
            clockwork.drain()
        return Snapshot(
            stage_run=self._stage_run,
            unit=self._unit,
            attempt=self._assignment.attempt,
            sequence=sequence,
            sent_ns=time.time_ns(),
            agents=tuple(
                self._agent(index, slot.number)
                for index, slot in enumerate(self._assignment.agents)
            ),
            late=clockwork.late if clockwork else False,
            log_offset=log_offset,
            log=log,
            failure=self.failure,
            recording=self._recording(),
            last_publication_ns=self._last_publication(),
            final=final,
        )

    def _agent(self, index: int, number: int) -> AgentReport:
        clockwork = self.clockwork
        if clockwork is None or not clockwork.started_ns:
            return AgentReport(number=number, state=self.state)
        lateness = clockwork.lateness[index]
        # Unpaced publications are not timed: there it is the instant of waking.
        first = (
            clockwork.started_ns if lateness.first is None else clockwork.base_ns + lateness.first
        )
        return AgentReport(
            number=number,
            state=self.state,
            published=clockwork.published,
            published_bytes=clockwork.published_bytes,
            passes=clockwork.passes,
            lateness_p50_us=lateness.percentile_us(50),
            lateness_p99_us=lateness.percentile_us(99),
            start_skew_us=(first - clockwork.release_ns) / 1000,
            skew_uncertainty_us=self._uncertainty_us,
        )

    def _recording(self) -> RecordingSummary | None:
        return self.recorder.summary() if self.recorder else None

    def _last_publication(self) -> int | None:
        clockwork = self.clockwork
        if clockwork is None or not clockwork.last_ns or not self.clock.known:
            return None
        return self.clock.to_server(clockwork.last_ns)
