"""The interface of backends."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from agent.protocol import Link, ProbeResult


class UnitState(StrEnum):
    """State of a unit at its backend."""

    ABSENT = "absent"
    ALIVE = "alive"
    ENDED = "ended"
    """It has ended with exit code 0."""
    FAILED = "failed"
    """It has ended otherwise, and is not retried any more."""


@dataclass(frozen=True)
class Job:
    """All units of one stage run; the names of units are derived from it and never change."""

    execution: int
    stage_run: int
    units: int
    retries: int
    token: str
    server: str
    """Base address of the API for units."""

    @property
    def name(self) -> str:
        """Name that is the same for every controller."""
        return f"execution-{self.execution}-stage-{self.stage_run}"


@dataclass(frozen=True)
class UnitStatus:
    """A unit as the backend observes it now."""

    unit: int
    state: UnitState
    attempts: int = 0
    failure: str = ""
    restarted: bool = False
    """It failed (with the code `failure`) and was just started again."""


@dataclass(frozen=True)
class Capacity:
    """Room for units: all cores, and the memory and disk (bytes) that are free now."""

    cores: float
    memory_bytes: int
    disk_bytes: int


class Backend(Protocol):
    """Runs units. Each method may be repeated at any time, also by two controllers at once."""

    def launch(self, job: Job) -> str:
        """Start every unit that was never started.

        Returns:
            The backend's handle of the job.

        Raises:
            BackendError: Units cannot be started now.
        """

    def observe(self, job: Job, *, retry: bool) -> list[UnitStatus]:
        """Observe every unit; with `retry`, restart failed ones that have retries left."""

    def kill(self, job: Job, units: Collection[int]) -> None:
        """Kill units; those that have ended are ignored."""

    def count_local_units(self) -> int:
        """Number of running units that would end with the machine or pod of this process."""

    def kept_recording(self, job: Job, unit: int, attempt: int) -> str:
        """Folder in which an attempt of a unit has kept what it could not upload; empty if there is none."""

    def remove(self, job: Job) -> int:
        """Remove the folders or objects of an ended job, and return their number."""

    def capacity(self) -> Capacity | None:
        """Room where units run; None: it is not known here."""

    def probe(self, link: Link, seconds: float) -> ProbeResult:
        """Test a link from where units run, within so many seconds.

        Raises:
            BackendError: The test cannot be started now, or gave no answer.
        """
