"""The interface of backends."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from agent.protocol import Link, ProbeResult


class UnitState(StrEnum):
    """State of a unit at its backend."""

    ABSENT = "absent"
    PENDING = "pending"
    """It is launched and does not run yet; `failure` and `reason` say why, where it is known."""
    ALIVE = "alive"
    ENDED = "ended"
    """It has ended with exit code 0."""
    FAILED = "failed"
    """It has ended otherwise, and is not retried any more."""


@dataclass(frozen=True)
class Resources:
    """Requests and limits of one unit: thousandths of a core, and MiB of memory."""

    cpu: int
    cpu_limit: int
    memory: int
    memory_limit: int


@dataclass(frozen=True)
class Toleration:
    """A taint of nodes on which units may run all the same, in Kubernetes' words."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""


@dataclass(frozen=True)
class Placement:
    """Nodes on which units may run: labels that they must have, and taints that are no obstacle."""

    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()


@dataclass(frozen=True)
class Job:
    """All units of one stage run; the names of units are derived from it and never change."""

    execution: int
    stage_run: int
    units: int
    retries: int
    token: str = field(repr=False)
    server: str
    """Base address of the API for units."""
    image: str = ""
    """Image of the agent program, for backends that run containers."""
    resources: Resources | None = None
    placement: Placement = field(default_factory=Placement)
    secret: str = ""
    """Name of the Secret of the MEC; empty: it has none."""
    max_seconds: float | None = None
    """Time after which all units are ended; None: no limit is known."""
    requested: str = ""
    """Time of the request, which tells an execution from one that had its number in an earlier database."""

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
    """Code of why it failed, or of why it does not run yet or cannot report."""
    restarted: bool = False
    """It failed (with the code `failure`) and was just started again."""
    reason: str = ""
    """Message of the backend about `failure`, such as the scheduler's."""
    ended: Mapping[str, str] = field(default_factory=dict)
    """Failure codes of its processes that have failed, by the name with which these registered."""
    running_since: datetime | None = None
    """Start of its newest process, where it may start long after it was launched."""


@dataclass(frozen=True)
class Capacity:
    """Room for units: cores, and the memory and disk (bytes) that are free now.

    None is not limited by anything that is known. The cores of a machine are all that it has, those of a
    cluster the ones that nobody has requested.
    """

    cores: float | None = None
    memory_bytes: int | None = None
    disk_bytes: int | None = None
    units: int | None = None
    """Units for which a quota leaves room."""
    limit_cores: float | None = None
    """Cores that a quota leaves to the limits of units; these may add up to more than there are."""
    limit_memory_bytes: int | None = None
    node_cores: float | None = None
    """The most that one node has free, as a unit runs on one node."""
    node_memory_bytes: int | None = None


class Backend(Protocol):
    """Runs units. Each method may be repeated at any time, also by two controllers at once.

    Every method raises BackendError when the backend cannot be used now.
    """

    controller_only: bool
    """Only controllers may use it: other processes ask one to."""

    def launch(self, job: Job) -> str:
        """Start every unit that was never started.

        Returns:
            The backend's handle of the job.

        Raises:
            BackendError: Units cannot be started now.
        """

    def observe(self, job: Job, *, retry: bool) -> list[UnitStatus]:
        """Observe every unit; with `retry`, restart failed ones that have retries left.

        Raises:
            BackendError: Nothing is known of units now.
        """

    def kill(self, job: Job, units: Collection[int]) -> None:
        """Kill units; those that have ended are ignored."""

    def on_lost_machines(self, job: Job, units: Collection[int]) -> Mapping[int, str]:
        """Of silent units those whose machine does not answer either, with a sentence that says so.

        Raises:
            BackendError: Machines cannot be asked now.
        """

    def kept_recording(self, job: Job, unit: int, attempt: int) -> str:
        """Folder in which an attempt of a unit has kept what it could not upload; empty if there is none."""

    def last_log(self, job: Job, unit: int) -> str:
        """Last lines that a unit printed, for one that never reported; empty if there are none."""

    def remove(self, job: Job, *, keep_recordings: bool = False) -> int:
        """Remove the folders or objects of an ended job, and return their number.

        Args:
            job: It has ended, and its outcome is recorded.
            keep_recordings: Keep what units could not upload.
        """

    def remove_others(self, active: Callable[[], Collection[int]]) -> int:
        """Remove objects in the cluster of executions that are over or unknown; return their number.

        Args:
            active: Reads the active executions. Called after the objects are listed, so that those of an
                execution that starts meanwhile stay.
        """

    def capacity(self) -> Capacity | None:
        """Room where units run; None: it is not known here."""

    def problem(self) -> str:
        """Say what hinders the backend now; empty: nothing."""

    def probe(self, link: Link, placement: Placement, seconds: float) -> ProbeResult:
        """Test a link from where its units run, within so many seconds.

        Raises:
            BackendError: The test cannot be started now, or gave no answer.
        """
