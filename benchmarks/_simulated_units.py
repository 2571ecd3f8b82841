"""Units that register and report as pods do, without playing: many in one process, by some threads."""

import statistics
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from agent.client import Client, ServerUnreachable
from agent.protocol import (
    PROTOCOL,
    AgentReport,
    AgentState,
    Assignment,
    Command,
    Registration,
    Snapshot,
)

THREADS = 16


@dataclass
class Beats:
    """Heartbeats of all units: milliseconds that each took, and the number of those without an answer."""

    milliseconds: list[float] = field(default_factory=list)
    unanswered: int = 0

    def p(self, percent: int) -> float:
        """Percentile of the milliseconds."""
        return statistics.quantiles(self.milliseconds, n=100)[percent - 1]


class _Unit:
    def __init__(self, client: Client, stage_run: int, number: int) -> None:
        self._client = client
        self._stage_run = stage_run
        self._number = number
        self._sequence = 0
        self._state = AgentState.READY
        self._assignment = self._register()

    def _register(self) -> Assignment:
        registration = Registration(
            protocol=PROTOCOL,
            stage_run=self._stage_run,
            unit=self._number,
            host="simulated",
            pid=1,
            process=uuid.uuid4().hex,
        )
        while True:
            try:
                return self._client.register(registration)
            except ServerUnreachable:
                time.sleep(0.5)

    def beat(self, *, final: bool = False) -> None:
        self._sequence += 1
        state = AgentState.COMPLETED if final else self._state
        published = self._sequence * 75 if state is not AgentState.READY else 0
        agents = tuple(
            AgentReport(number=agent.number, state=state, published=published, passes=int(final))
            for agent in self._assignment.agents
        )
        answer = self._client.report(
            Snapshot(
                stage_run=self._stage_run,
                unit=self._number,
                attempt=self._assignment.attempt,
                sequence=self._sequence,
                sent_ns=time.time_ns(),
                agents=agents,
                final=final,
            )
        )
        if answer.command is Command.GO:
            self._state = AgentState.RUNNING


class SimulatedUnits:
    """All units of a stage run; call `register`, then `beat` for some seconds, then `finish`."""

    def __init__(self, server: str, token: str, stage_run: int, units: int) -> None:
        self._server, self._token = server, token
        self._stage_run, self._units = stage_run, units
        self._shares: list[list[_Unit]] = [[] for _ in range(THREADS)]

    def register(self) -> float:
        """Register all units; return the seconds that it took."""
        began = time.monotonic()
        self._in_threads(self._register_share)
        return time.monotonic() - began

    def beat(self, seconds: float, beats: Beats) -> None:
        """Report once a second for each unit, or as often as the server answers."""
        end = time.monotonic() + seconds
        self._in_threads(lambda share: self._beat_share(share, end, beats))

    def finish(self) -> None:
        """Send the last report of each unit."""
        self._in_threads(lambda share: self._finish_share(self._shares[share]))

    def _register_share(self, share: int) -> None:
        client = Client(self._server, self._token)
        numbers = range(share, self._units, THREADS)
        self._shares[share] = [_Unit(client, self._stage_run, number) for number in numbers]

    def _beat_share(self, share: int, end: float, beats: Beats) -> None:
        while (now := time.monotonic()) < end:
            for unit in self._shares[share]:
                began = time.monotonic()
                try:
                    unit.beat()
                    beats.milliseconds.append((time.monotonic() - began) * 1000)
                except ServerUnreachable:
                    beats.unanswered += 1
            time.sleep(max(0.0, now + 1 - time.monotonic()))

    def _finish_share(self, units: Iterable[_Unit]) -> None:
        for unit in units:
            unit.beat(final=True)

    def _in_threads(self, work: Callable[[int], None]) -> None:
        threads = [threading.Thread(target=work, args=(share,)) for share in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
