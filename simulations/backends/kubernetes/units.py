"""States of units, derived from their Job, its pods and the events about them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simulations.backends.base import UnitState, UnitStatus
from simulations.backends.kubernetes.causes import NOTHING, Cause, of_job
from simulations.backends.kubernetes.records import EventRecord, JobRecord, PodRecord, PodState
from simulations.choices import FailureCode

KILLED_SECONDS = 10.0
"""Time after which nobody writes any more why a pod was killed: its controller was killed too."""
OVERDUE_SECONDS = 30.0
"""Time after its grace period within which a deleted pod ends; else nobody ends it on its node."""


@dataclass(frozen=True, slots=True)
class _Moment:
    """Circumstances of all units of one observation."""

    now: float
    refused: Cause
    """Why no pods can be created."""
    retry: bool


@dataclass(frozen=True, slots=True)
class JobView:
    """A Job with its pods and the newest events about them, at one moment."""

    job: JobRecord
    pods: Mapping[int, Sequence[PodRecord]]
    """Pods by index, also those that were removed."""
    events: Mapping[str, EventRecord]
    """The newest event by the uid of its Job or pod."""

    def units(self, number: int, *, retry: bool) -> list[UnitStatus]:
        """Return the states of so many units; without `retry`, one whose newest pod failed has failed."""
        moment = _Moment(time.monotonic(), self._refused(), retry)
        return [self._unit(index, moment) for index in range(number)]

    def _refused(self) -> Cause:
        """Why pods cannot be created now; NOTHING if the newest attempt to create some succeeded."""
        event = self.events.get(self.job.uid)
        if event is None or event.reason != "FailedCreate":
            return NOTHING
        newest = max((pod.created for unit in self.pods.values() for pod in unit), default="")
        return event.cause if event.time >= newest else NOTHING

    def _unit(self, index: int, moment: _Moment) -> UnitStatus:
        pods = self.pods.get(index, ())
        newest = max(pods, key=lambda pod: (pod.attempt, pod.created), default=None)
        attempts = newest.attempt if newest else 0
        ended = {
            pod.uid: of_job(pod.cause, self.job.cause).code
            for pod in pods
            if pod.state is PodState.FAILED and not _was_just_killed(pod, moment.now)
        }
        state, cause = self._state(index, newest, moment)
        return UnitStatus(
            index,
            state,
            attempts,
            cause.code,
            reason=cause.reason,
            ended=ended,
            running_since=newest.running_since if newest else None,
        )

    def _state(
        self, index: int, newest: PodRecord | None, moment: _Moment
    ) -> tuple[UnitState, Cause]:
        if index in self.job.completed_indexes:
            return UnitState.ENDED, NOTHING
        if newest is not None and newest.state is PodState.SUCCEEDED:
            return UnitState.ENDED, NOTHING
        if newest is not None and newest.state is PodState.RUNNING:
            return self._running(newest, moment.now)
        given_up = newest is not None and newest.state is PodState.FAILED and not moment.retry
        if index in self.job.failed_indexes or self.job.failed or given_up:
            cause = newest.cause if newest is not None else Cause(FailureCode.AGENT_LOST)
            return UnitState.FAILED, of_job(cause, self.job.cause)
        return UnitState.PENDING, self._waiting(newest, moment.refused)

    def _running(self, pod: PodRecord, now: float) -> tuple[UnitState, Cause]:
        event = self.events.get(pod.uid)
        if pod.gone_at is not None and now > pod.gone_at + OVERDUE_SECONDS:
            sentence = event.cause.reason if event is not None else ""
            return UnitState.FAILED, Cause(FailureCode.NODE_LOST, sentence)
        if not pod.ready and event is not None and event.reason == "NodeNotReady":
            return UnitState.ALIVE, event.cause
        return UnitState.ALIVE, NOTHING

    def _waiting(self, pod: PodRecord | None, refused: Cause) -> Cause:
        """Why a unit does not run: its Job is suspended, its pod waits, or none could be created."""
        if self.job.suspended.code:
            return self.job.suspended
        if pod is None or pod.state is not PodState.WAITING:
            return refused
        event = self.events.get(pod.uid)
        return pod.cause if pod.cause.code or event is None else event.cause


def _was_just_killed(pod: PodRecord, now: float) -> bool:
    """Check for a pod that a controller has killed, which is about to write why."""
    is_killed = pod.grace == 0 and pod.cause.code == FailureCode.TERMINATED
    return is_killed and pod.gone_at is not None and now < pod.gone_at + KILLED_SECONDS
