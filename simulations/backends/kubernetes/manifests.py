"""Manifests of units: the Indexed Job and the Secret of a stage run, and the Job of a test of a link."""

import math
from typing import Any

from agent.protocol import Link
from simulations.backends.base import Job, Placement
from simulations.backends.kubernetes.labels import (
    OURS,
    PROBE,
    QUEUE,
    SERVER,
    annotations,
    labels,
)
from simulations.backends.kubernetes.pods import CONTAINER, Site, probe_pod, unit_pod

Object = dict[str, Any]

BACKSTOP_SECONDS = 7 * 86400
"""Time after which Kubernetes removes an ended Job that no controller has removed."""
PROBE_BACKSTOP_SECONDS = 300
NO_RETRY_CODE = 2
"""Exit code of a unit that would fail again in the same way."""


def secret(job: Job) -> Object:
    """Return the Secret with the token of a stage run's units."""
    metadata = {"name": job.name, "labels": labels(job), "annotations": annotations(job)}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": "Opaque",
        "stringData": {"token": job.token},
    }


def owner(job: Job, uid: str) -> Object:
    """Return the change that has a Secret removed together with its Job."""
    reference = {"apiVersion": "batch/v1", "kind": "Job", "name": job.name, "uid": uid}
    return {"metadata": {"ownerReferences": [reference]}}


def indexed_job(job: Job, site: Site) -> Object:
    """Return the Indexed Job of a stage run: a pod for each unit, retried by Kubernetes alone."""
    spec: Object = {
        "completionMode": "Indexed",
        "completions": job.units,
        "parallelism": job.units,
        "backoffLimitPerIndex": job.retries,
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": {"rules": _failure_rules()},
        "ttlSecondsAfterFinished": BACKSTOP_SECONDS,
        "template": {
            "metadata": {"labels": labels(job), "annotations": annotations(job)},
            "spec": unit_pod(job, site),
        },
    }
    if job.max_seconds is not None:
        spec["activeDeadlineSeconds"] = max(1, math.ceil(job.max_seconds))
    queue = {QUEUE: site.queue} if site.queue else {}
    if queue:
        spec["suspend"] = True  # Kueue admits it
    metadata = {
        "name": job.name,
        "labels": {**labels(job), **queue},
        "annotations": annotations(job),
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def probe_job(
    name: str, link: Link, placement: Placement, image: str, server: str, site: Site
) -> Object:
    """Return the Job of one pod that tests a link."""
    identity = {"labels": {**OURS, PROBE: name}, "annotations": {SERVER: server}}
    spec = {
        "backoffLimit": 0,
        "ttlSecondsAfterFinished": PROBE_BACKSTOP_SECONDS,
        "template": {"metadata": identity, "spec": probe_pod(link, placement, image, site)},
    }
    metadata = {"name": name, **identity}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def _failure_rules() -> list[Object]:
    """An evicted or preempted pod costs no retry; a unit that says so is not started again."""
    codes = {"containerName": CONTAINER, "operator": "In", "values": [NO_RETRY_CODE]}
    return [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "FailIndex", "onExitCodes": codes},
    ]
