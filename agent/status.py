"""State of the unit, and its snapshots for the server."""

import threading
import time

from agent.clock import ServerClock
from agent.link_watch import LinkWatch
from agent.protocol import (
    AgentReport,
    AgentState,
    Assignment,
    Failure,
    Outage,
    RecordingSummary,
    Snapshot,
    TopicMatch,
)
from agent.recording.recordings import Recordings
from agent.replay import Player
from agent.resources import Meter


class Status:
    """State of the unit's agents, which change together; set by the main thread, read by the reporter."""

    def __init__(self, stage_run: int, unit: int, assignment: Assignment) -> None:
        self.clock = ServerClock()
        self.state = AgentState.STARTING
        self.failure: Failure | None = None
        self.player: Player | None = None
        self.recordings: Recordings | None = None
        self.link: LinkWatch | None = None
        self.matched: tuple[TopicMatch, ...] = ()
        self.heartbeat_seconds = assignment.heartbeat_seconds
        self._stage_run = stage_run
        self._unit = unit
        self._assignment = assignment
        self._uncertainty_us: float | None = None
        self._sequence = 0
        self._meter = Meter()
        self._lock = threading.Lock()

    def release(self, release_ns: int) -> int:
        """Convert the release to the monotonic clock, by the current estimate."""
        self._uncertainty_us = self.clock.uncertainty_us
        return self.clock.to_monotonic(release_ns)

    def snapshot(self, log_offset: int, log: str, *, final: bool) -> Snapshot:
        """Return the current state, with the next sequence number."""
        player = self.player
        with self._lock:
            self._sequence += 1
            sequence = self._sequence
        if player:
            player.drain()
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
            late=player.late if player else False,
            log_offset=log_offset,
            log=log,
            failure=self.failure,
            recording=self._recording(),
            resources=self._meter.measure(),
            outages=self._outages(),
            matched=self.matched,
            last_publication_ns=self._last_publication(),
            final=final,
        )

    def _agent(self, index: int, number: int) -> AgentReport:
        player = self.player
        if player is None or not player.started_ns:
            return AgentReport(number=number, state=self.state)
        lateness = player.lateness[index]
        # The lateness of unpaced publications is not measured: the time of waking is used instead.
        first = player.started_ns if lateness.first is None else player.base_ns + lateness.first
        return AgentReport(
            number=number,
            state=self.state,
            published=player.published,
            published_bytes=player.published_bytes(index),
            messages_unchanged=player.unchanged,
            messages_late=lateness.messages_late,
            passes=player.passes,
            lateness_p50_us=lateness.percentile_us(50),
            lateness_p99_us=lateness.percentile_us(99),
            start_skew_us=(first - player.release_ns) / 1000,
            skew_uncertainty_us=self._uncertainty_us,
            recording=self.recordings.summary_of(index) if self.recordings else None,
        )

    def _recording(self) -> RecordingSummary | None:
        return self.recordings.summary() if self.recordings else None

    def _last_publication(self) -> int | None:
        player = self.player
        if player is None or not player.last_ns or not self.clock.synchronized:
            return None
        return self.clock.to_server(player.last_ns)

    def _outages(self) -> tuple[Outage, ...]:
        if self.link is None or not self.clock.synchronized:
            return ()
        to_server = self.clock.to_server
        return tuple(
            Outage(
                began_ns=to_server(outage.began_ns),
                ended_ns=None if outage.ended_ns is None else to_server(outage.ended_ns),
                messages=outage.messages,
            )
            for outage in self.link.outages
        )
