"""Objects as a cluster's API sends them, for tests."""

import itertools
from typing import Any

from simulations.backends.base import Job
from simulations.backends.kubernetes import labels

JOB = Job(execution=1, stage_run=2, units=3, retries=1, token="", server="http://server")
_numbers = itertools.count(1)


def job(
    completed: str = "", failed: str = "", *, suspended: bool = False, **conditions: tuple[str, str]
) -> dict[str, Any]:
    """A Job; conditions are given as `Failed=(reason, message)`."""
    metadata = _metadata("job-uid", JOB.name)
    metadata["labels"], metadata["annotations"] = labels.labels(JOB), labels.annotations(JOB)
    return {
        "metadata": metadata,
        "spec": {"completions": JOB.units, "suspend": suspended},
        "status": {
            "completedIndexes": completed,
            "failedIndexes": failed,
            "conditions": _conditions(conditions),
        },
    }


def pod(  # noqa: PLR0913
    uid: str,
    index: int,
    phase: str = "Running",
    *,
    state: dict[str, Any] | None = None,
    failures: int = 0,
    grace: int | None = None,
    status: dict[str, Any] | None = None,
    job_uid: str = "job-uid",
    **conditions: tuple[str, str],
) -> dict[str, Any]:
    """A pod of a unit in its attempt after so many failures, with the state of its container."""
    metadata = _metadata(uid, f"{JOB.name}-{index}-{uid}")
    metadata["labels"] = {
        **labels.labels(JOB),
        labels.JOB_UID: job_uid,
        labels.INDEX: str(index),
    }
    metadata["annotations"] = {"batch.kubernetes.io/job-index-failure-count": str(failures)}
    if grace is not None:
        metadata["deletionTimestamp"] = "2026-11-27T04:00:30Z"
        metadata["deletionGracePeriodSeconds"] = grace
    containers = [{"name": "agent", "restartCount": 0, "state": state}] if state else []
    return {
        "metadata": metadata,
        "status": {
            "phase": phase,
            "conditions": _conditions(conditions),
            "containerStatuses": containers,
            **(status or {}),
        },
    }


def event(
    about: str, reason: str, message: str, time: str = "2026-11-27T04:00:05Z"
) -> dict[str, Any]:
    """A warning about the object with this uid."""
    return {
        "metadata": _metadata(f"event-{next(_numbers)}", "event"),
        "involvedObject": {"uid": about},
        "reason": reason,
        "message": message,
        "type": "Warning",
        "lastTimestamp": time,
    }


def ended(exit_code: int, reason: str = "Error", message: str = "") -> dict[str, Any]:
    return {"terminated": {"exitCode": exit_code, "reason": reason, "message": message}}


def waits(reason: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def _metadata(uid: str, name: str) -> dict[str, Any]:
    return {
        "uid": uid,
        "name": name,
        "resourceVersion": str(next(_numbers)),
        "creationTimestamp": "2026-11-27T04:00:00Z",
        "managedFields": [{"manager": "kubelet", "fieldsV1": {"f:status": {}}}],
    }


def _conditions(conditions: dict[str, tuple[str, str]]) -> list[dict[str, Any]]:
    """Conditions; PodScheduled is false, as it tells something only then."""
    return [
        {
            "type": kind,
            "status": "False" if kind == "PodScheduled" else "True",
            "reason": reason,
            "message": message,
            "lastTransitionTime": "2026-11-27T04:00:01Z",
        }
        for kind, (reason, message) in conditions.items()
    ]
