"""Labels and annotations by which objects of the cluster are found and told apart."""

from collections.abc import Mapping
from typing import Any

from simulations.backends.base import Job

PART_OF = "app.kubernetes.io/part-of"
NAME = "app.kubernetes.io/name"
EXECUTION = "robotsim.io/execution"
STAGE_RUN = "robotsim.io/stage-run"
PROBE = "robotsim.io/probe"
SERVER = "robotsim.io/server"
REQUESTED = "robotsim.io/requested"
QUEUE = "kueue.x-k8s.io/queue-name"
INDEX = "batch.kubernetes.io/job-completion-index"
JOB_NAME = "batch.kubernetes.io/job-name"
JOB_UID = "batch.kubernetes.io/controller-uid"

OURS = {PART_OF: "robotsim", NAME: "robot-agent"}
SELECTOR = ",".join(f"{key}={value}" for key, value in OURS.items())


def labels(job: Job) -> dict[str, str]:
    """Return the labels of all that belongs to a stage run."""
    return {**OURS, EXECUTION: str(job.execution), STAGE_RUN: str(job.stage_run)}


def annotations(job: Job) -> dict[str, str]:
    """Return what tells the objects of this stage run from others of the same name."""
    return {SERVER: job.server, REQUESTED: job.requested}


def installation(server: str) -> dict[str, str]:
    """Return what all objects of an installation have; others may share its namespace."""
    return {**OURS, SERVER: server}


def identity(job: Job) -> dict[str, str]:
    """Return the labels and annotations of a stage run, which no other one has."""
    return {**labels(job), **annotations(job)}


def identity_of(found: Mapping[str, Any]) -> dict[str, str]:
    """Return the identity of the stage run for which an object of the cluster was created."""
    tags = _tags(found)
    keys = (*OURS, EXECUTION, STAGE_RUN, PROBE, SERVER, REQUESTED)
    return {key: tags[key] for key in keys if key in tags}


def has(found: Mapping[str, Any], tags: Mapping[str, str]) -> bool:
    """Check that an object of the cluster has these labels and annotations."""
    return tags.items() <= _tags(found).items()


def _tags(found: Mapping[str, Any]) -> dict[str, str]:
    metadata = found["metadata"]
    return {**(metadata.get("labels") or {}), **(metadata.get("annotations") or {})}
