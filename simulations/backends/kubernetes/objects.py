"""The fields of the cluster's objects that are read; everything else in them is dropped at once."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec


class _Object(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Base of the objects and their parts."""


class Metadata(_Object, frozen=True):
    """Metadata of any object."""

    uid: str = ""
    name: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    deletion_grace_period_seconds: float | None = None


class Condition(_Object, frozen=True):
    """One condition of a pod or Job."""

    type: str
    status: str
    reason: str = ""
    message: str = ""


class Waiting(_Object, frozen=True):
    """State of a container that does not run yet."""

    reason: str = ""
    message: str = ""


class Running(_Object, frozen=True):
    """State of a container that runs."""

    started_at: str | None = None


class Terminated(_Object, frozen=True):
    """State of a container that has ended."""

    exit_code: int = 0
    reason: str = ""
    message: str = ""


class ContainerState(_Object, frozen=True):
    """State of a container; one of its fields is present."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(_Object, frozen=True):
    """A container of a pod."""

    state: ContainerState = ContainerState()


class PodStatus(_Object, frozen=True):
    """Status of a pod."""

    phase: str = ""
    reason: str = ""
    message: str = ""
    conditions: list[Condition] = []
    container_statuses: list[ContainerStatus] = []


class Pod(_Object, frozen=True):
    """A pod."""

    metadata: Metadata = Metadata()
    status: PodStatus = PodStatus()


class JobSpec(_Object, frozen=True):
    """Specification of a Job."""

    suspend: bool = False


class JobStatus(_Object, frozen=True):
    """Status of a Job."""

    conditions: list[Condition] = []
    completed_indexes: str = ""
    failed_indexes: str = ""


class KubernetesJob(_Object, frozen=True):
    """An Indexed Job."""

    metadata: Metadata = Metadata()
    spec: JobSpec = JobSpec()
    status: JobStatus = JobStatus()


class Reference(_Object, frozen=True):
    """The object that an event is about."""

    uid: str = ""


class Series(_Object, frozen=True):
    """Repetitions of an event."""

    last_observed_time: str = ""


class Event(_Object, frozen=True):
    """An event of the cluster."""

    metadata: Metadata = Metadata()
    involved_object: Reference = Reference()
    reason: str = ""
    message: str = ""
    series: Series | None = None
    last_timestamp: str | None = None
    event_time: str | None = None

    @property
    def time(self) -> str:
        """Time of its last repetition, to the second: `2026-01-01T00:00:00`."""
        last = self.series.last_observed_time if self.series else ""
        return (last or self.last_timestamp or self.event_time or "")[:19]


ObjectType = TypeVar("ObjectType", bound=_Object)


def parse(raw: Mapping[str, Any], kind: type[ObjectType]) -> ObjectType:
    """Take from an object what is read of it.

    Raises:
        ValueError: A field is of another type.
    """
    return msgspec.convert(raw, kind)
