"""Tests of links from where units run: a Job of one pod, which is removed afterwards."""

import math
import time
import uuid

import structlog
from django.conf import settings

from agent.protocol import Link, ProbeCode, ProbeResult, decode
from simulations.backends.base import Placement
from simulations.backends.kubernetes import manifests
from simulations.backends.kubernetes.client import BACKGROUND, Cluster, Object
from simulations.backends.kubernetes.labels import JOB_NAME
from simulations.backends.kubernetes.site import server_address, site
from simulations.exceptions import BackendError

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.5


def run_probe(
    cluster: Cluster, namespace: str, link: Link, placement: Placement, seconds: float
) -> ProbeResult:
    """Test a link within so many seconds.

    Raises:
        BackendError: No pod could test it; the message says why.
    """
    deadline = time.monotonic() + seconds
    name = f"probe-{uuid.uuid4().hex[:12]}"
    job = manifests.probe_job(name, link, placement, settings.AGENT_IMAGE, server_address(), site())
    job["spec"]["activeDeadlineSeconds"] = math.ceil(seconds)
    try:
        cluster.create("jobs", namespace, job)
        return _await_result(cluster, namespace, name, deadline)
    finally:
        _remove(cluster, namespace, name)


def _await_result(cluster: Cluster, namespace: str, name: str, deadline: float) -> ProbeResult:
    pod: Object | None = None
    while time.monotonic() < deadline:
        pods, _version = cluster.list_raw("pods", namespace, f"{JOB_NAME}={name}")
        pod = pods[0] if pods else None
        if pod and (end := _state(pod).get("terminated")):
            return _result(end)
        time.sleep(POLL_SECONDS)
    if pod and "running" in _state(pod):
        return ProbeResult(reachable=False, code=ProbeCode.NO_ANSWER_IN_TIME, text="")
    message = f"The pod of the test did not start in time ({_waiting_for(pod)})."
    raise BackendError(message)


def _state(pod: Object) -> Object:
    statuses = pod["status"].get("containerStatuses") or [{}]
    state: Object = statuses[0].get("state", {})
    return state


def _result(end: Object) -> ProbeResult:
    try:
        return decode(end.get("message", ""), ProbeResult)
    except ValueError as error:
        message = f"The pod of the test ended with exit code {end.get('exitCode')} and no result."
        raise BackendError(message) from error


def _waiting_for(pod: Object | None) -> str:
    """Why a pod does not run, in the words of the kubelet or the scheduler."""
    if pod is None:
        return "no pod was created: check the quota of the namespace"
    waiting = _state(pod).get("waiting", {})
    reasons = [f"{waiting.get('reason', '')}: {waiting.get('message', '')}"] if waiting else []
    reasons += [
        row.get("message", "")
        for row in pod["status"].get("conditions", ())
        if row["type"] == "PodScheduled" and row["status"] != "True"
    ]
    return "; ".join(reasons) or "it waits for a node"


def _remove(cluster: Cluster, namespace: str, name: str) -> None:
    try:
        cluster.delete("jobs", namespace, name, BACKGROUND)
    except BackendError as error:  # the janitor removes it later
        log.warning("probe_not_removed", job=name, error=str(error))
