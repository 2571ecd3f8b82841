"""Small records of Jobs, pods and events, made when the objects arrive."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from typing import Any

from simulations.backends.kubernetes import causes
from simulations.backends.kubernetes.causes import NOTHING, Cause
from simulations.backends.kubernetes.labels import INDEX, JOB_UID, identity_of
from simulations.backends.kubernetes.objects import Event, KubernetesJob, Pod, parse
from simulations.choices import FailureCode

Raw = dict[str, Any]

FAILURES = (
    "batch.kubernetes.io/job-index-failure-count",
    "batch.kubernetes.io/job-index-ignored-failure-count",
)
"""Annotations of a pod: the failures of its index before it, those that count and the others."""


class PodState(Enum):
    """State of a pod."""

    WAITING = auto()
    RUNNING = auto()
    SUCCEEDED = auto()
    FAILED = auto()


PHASES = {
    "Running": PodState.RUNNING,
    "Unknown": PodState.RUNNING,
    "Succeeded": PodState.SUCCEEDED,
    "Failed": PodState.FAILED,
}


@dataclass(frozen=True, slots=True)
class PodRecord:
    """A pod of a unit."""

    uid: str
    job: str
    """The uid of its Job; another of the same name may come after it."""
    index: int
    attempt: int
    created: str
    state: PodState
    ready: bool
    cause: Cause
    """Why it has failed, or does not run yet."""
    running_since: datetime | None = None
    """Start of its process, while it runs."""
    grace: float | None = None
    """Seconds that it has to end, as it is being deleted; None: it is not."""
    gone_at: float | None = None
    """Time (monotonic) by which it must have ended, as it is being deleted."""


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A Job."""

    uid: str
    name: str
    identity: Mapping[str, str]
    """Labels and annotations of the stage run for which it was created."""
    suspended: Cause
    """Why it makes no pods yet."""
    failed: bool
    """It makes no more pods."""
    cause: Cause
    """Why all its pods end."""
    completed_indexes: frozenset[int]
    failed_indexes: frozenset[int]


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event."""

    uid: str
    about: str
    """The uid of its Job or pod."""
    reason: str
    time: str
    cause: Cause


def pod_record(raw: Raw) -> PodRecord | None:
    """Return what is kept of a pod; None if it belongs to no unit.

    Raises:
        ValueError: A field is not as the API describes it.
    """
    pod = parse(raw, Pod)
    metadata = pod.metadata
    marks = {**metadata.annotations, **metadata.labels}
    if JOB_UID not in marks or INDEX not in marks:
        return None
    state = PHASES.get(pod.status.phase, PodState.WAITING)
    deleted = metadata.deletion_timestamp is not None
    return PodRecord(
        uid=metadata.uid,
        job=marks[JOB_UID],
        index=int(marks[INDEX]),
        attempt=1 + sum(int(marks.get(name, 0)) for name in FAILURES),
        created=(metadata.creation_timestamp or "")[:19],
        state=state,
        ready=causes.is_ready(pod),
        cause=_pod_cause(pod, state),
        running_since=_running_since(pod),
        grace=(metadata.deletion_grace_period_seconds or 0.0) if deleted else None,
    )


def removed_pod_record(raw: Raw) -> PodRecord | None:
    """Return what is kept of a pod that was removed: unless it has succeeded, it has failed.

    Raises:
        ValueError: A field is not as the API describes it.
    """
    record = pod_record(raw)
    if record is None or record.state is PodState.SUCCEEDED:
        return record
    return replace(record, state=PodState.FAILED, cause=causes.failed_cause(parse(raw, Pod)))


def vanished(pod: PodRecord) -> PodRecord:
    """Return what is kept of a pod that was removed while nobody watched."""
    if pod.state in {PodState.SUCCEEDED, PodState.FAILED}:
        return pod
    return replace(pod, state=PodState.FAILED, cause=Cause(FailureCode.TERMINATED))


def _pod_cause(pod: Pod, state: PodState) -> Cause:
    if state is PodState.FAILED:
        return causes.failed_cause(pod)
    return causes.waiting_cause(pod) if state is PodState.WAITING else NOTHING


def _running_since(pod: Pod) -> datetime | None:
    running = [status.state.running for status in pod.status.container_statuses]
    starts = [state.started_at for state in running if state is not None and state.started_at]
    return datetime.fromisoformat(starts[0]) if starts else None


def job_record(raw: Raw) -> JobRecord:
    """Return what is kept of a Job.

    Raises:
        ValueError: A field is not as the API describes it.
    """
    job = parse(raw, KubernetesJob)
    return JobRecord(
        uid=job.metadata.uid,
        name=job.metadata.name,
        identity=identity_of(raw),
        suspended=causes.suspended_cause(job),
        failed=causes.has_failed(job),
        cause=causes.job_cause(job),
        completed_indexes=indexes(job.status.completed_indexes),
        failed_indexes=indexes(job.status.failed_indexes),
    )


def event_record(raw: Raw) -> EventRecord | None:
    """Return what is kept of an event; None if it says nothing about why a unit waits or fails.

    Raises:
        ValueError: A field is not as the API describes it.
    """
    event = parse(raw, Event)
    if event.reason not in causes.READ_EVENTS:
        return None
    return EventRecord(
        uid=event.metadata.uid,
        about=event.involved_object.uid,
        reason=event.reason,
        time=event.time,
        cause=causes.event_cause(event),
    )


def indexes(text: str) -> frozenset[int]:
    """Return the numbers in the list of a Job's status, such as `1,3-5,7`."""
    numbers: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        numbers.update(range(int(first), int(last or first) + 1))
    return frozenset(numbers)
