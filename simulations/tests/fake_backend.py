"""A backend without units."""

from collections.abc import Callable, Collection

from agent.protocol import Link, ProbeCode, ProbeResult
from simulations.backends.base import Capacity, Job, UnitStatus
from simulations.exceptions import BackendError


class FakeBackend:
    """A backend that says what it is told to say."""

    controller_only = False

    def __init__(self) -> None:
        self.seen: list[UnitStatus] = []
        self.killed: list[int] = []
        self.fails = False
        self.probed: list[Link] = []
        self.room: Capacity | None = Capacity(4.0, 8 * 2**30, 100 * 2**30)
        self.answer = ProbeResult(
            reachable=True, code=ProbeCode.REACHED, text="", round_trip_ms=1.25
        )

    def launch(self, job: Job) -> str:
        if self.fails:
            raise BackendError("No process can be started.")
        return "there"

    def observe(self, job: Job, *, retry: bool) -> list[UnitStatus]:
        return self.seen

    def kill(self, job: Job, units: Collection[int]) -> None:
        self.killed += list(units)

    def kept_recording(self, job: Job, unit: int, attempt: int) -> str:
        return "/kept/recording-1"

    def last_log(self, job: Job, unit: int) -> str:
        return "last line"

    def remove(self, job: Job, *, keep_recordings: bool = False) -> int:
        return 0

    def remove_others(self, active: Callable[[], Collection[int]]) -> int:
        return 0

    def capacity(self) -> Capacity | None:
        return self.room

    def probe(self, link: Link, seconds: float) -> ProbeResult:
        self.probed.append(link)
        if self.fails:
            raise BackendError("No process can be started.")
        return self.answer
