"""A backend without units."""

from collections.abc import Callable, Collection, Mapping

from agent.protocol import Link, ProbeCode, ProbeResult
from simulations.backends.base import Capacity, Job, Placement, UnitStatus
from simulations.exceptions import BackendError

REASON = "No process can be started."


class FakeBackend:
    """A backend that says what it is told to say.

    With `fails` it starts nothing, `away` has methods that it cannot carry out.
    """

    controller_only = False

    def __init__(self) -> None:
        self.seen: list[UnitStatus] = []
        self.killed: list[int] = []
        self.launched: list[Job] = []
        self.removed: list[tuple[int, bool]] = []
        self.executions: set[int] = set()
        self.fails = False
        self.away: set[str] = set()
        self.lost: set[int] = set()
        self.trouble = ""
        self.probed: list[tuple[Link, Placement]] = []
        self.room: Capacity | None = Capacity(4.0, 8 * 2**30, 100 * 2**30)
        self.answer = ProbeResult(
            reachable=True, code=ProbeCode.REACHED, text="", round_trip_ms=1.25
        )

    def _answers(self, method: str) -> None:
        if method in self.away or (self.fails and method in {"launch", "probe"}):
            raise BackendError(REASON)

    def launch(self, job: Job) -> str:
        self._answers("launch")
        self.launched.append(job)
        return "there"

    def observe(self, job: Job, *, retry: bool) -> list[UnitStatus]:
        self._answers("observe")
        return self.seen

    def kill(self, job: Job, units: Collection[int]) -> None:
        self._answers("kill")
        self.killed += list(units)

    def on_lost_machines(self, job: Job, units: Collection[int]) -> Mapping[int, str]:
        self._answers("on_lost_machines")
        return {unit: "It does not answer." for unit in units if unit in self.lost}

    def kept_recording(self, job: Job, unit: int, attempt: int) -> str:
        return "/kept/recording-1"

    def last_log(self, job: Job, unit: int) -> str:
        self._answers("last_log")
        return "last line"

    def remove(self, job: Job, *, keep_recordings: bool = False) -> int:
        self._answers("remove")
        self.removed.append((job.stage_run, keep_recordings))
        return 1

    def remove_others(self, active: Callable[[], Collection[int]]) -> int:
        self._answers("remove_others")
        listed = set(self.executions)
        over = listed - set(active())
        self.executions -= over
        return len(over)

    def capacity(self) -> Capacity | None:
        return self.room

    def problem(self) -> str:
        return self.trouble

    def probe(self, link: Link, placement: Placement, seconds: float) -> ProbeResult:
        self.probed.append((link, placement))
        self._answers("probe")
        return self.answer
