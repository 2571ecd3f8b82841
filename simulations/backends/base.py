"""The port to where units run."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class UnitState(StrEnum):
    """What a backend says of a unit."""

    ABSENT = "absent"
    ALIVE = "alive"
    ENDED = "ended"
    """It ended in order."""
    FAILED = "failed"
    """It ended otherwise, and its retries are spent."""


@dataclass(frozen=True)
class Job:
    """All units of one stage run; names of units are made from it and never change."""

    execution: int
    stage_run: int
    units: int
    retries: int
    token: str
    server: str
    """Base address of the API for units."""

    @property
    def name(self) -> str:
        """Deterministic name."""
        return f"execution-{self.execution}-stage-{self.stage_run}"


@dataclass(frozen=True)
class UnitSeen:
    """A unit as the backend sees it now."""

    unit: int
    state: UnitState
    attempts: int = 0
    failure: str = ""
    restarted: bool = False
    """It failed (for the reason `failure`) and was started again just now."""


class Backend(Protocol):
    """Where units run. Each method may be called again at any time, by two controllers at once."""

    def launch(self, job: Job) -> str:
        """Start every unit that was never started; the answer is the backend's handle.

        Raises:
            BackendError: units cannot be started now.
        """

    def observe(self, job: Job, *, retry: bool) -> list[UnitSeen]:
        """Look at every unit; with `retry`, start those again that failed and have retries left."""

    def kill(self, job: Job, units: Collection[int]) -> None:
        """End these units at once; those that are gone are no error."""

    def living_here(self) -> int:
        """How many units would end with the machine or pod of this process; 0 where they run elsewhere."""

    def left(self, job: Job, unit: int) -> str:
        """Where what a unit recorded and did not deliver is kept; empty when there is nothing."""

    def remove(self, job: Job) -> int:
        """Drop what the units of an ended job left behind; the answer is how many folders or objects."""
