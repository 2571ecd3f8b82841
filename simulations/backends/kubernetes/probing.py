"""Tests of links from where units run: a Job of one pod, which is removed afterwards."""

import math
import time
import uuid

import structlog
from django.conf import settings

from agent.protocol import Link, ProbeCode, ProbeResult, decode
from simulations.backends.base import Placement
from simulations.backends.kubernetes import manifests
from simulations.backends.kubernetes.causes import waiting_cause
from simulations.backends.kubernetes.client import BACKGROUND, Cluster, Object
from simulations.backends.kubernetes.labels import JOB_NAME
from simulations.backends.kubernetes.objects import Event, Pod, parse
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
        created = cluster.create("jobs", namespace, job)
        return _await_result(cluster, namespace, created, deadline)
    finally:
        _remove(cluster, namespace, name)


def _await_result(cluster: Cluster, namespace: str, job: Object, deadline: float) -> ProbeResult:
    labels = f"{JOB_NAME}={job['metadata']['name']}"
    pod: Object | None = None
    while time.monotonic() < deadline:
        pods, _version = cluster.list_raw("pods", namespace, labels)
        pod = pods[0] if pods else None
        if pod and (end := _state(pod).get("terminated")):
            return _result(end)
        time.sleep(POLL_SECONDS)
    if pod and "running" in _state(pod):
        return ProbeResult(reachable=False, code=ProbeCode.NO_ANSWER_IN_TIME, text="")
    reason = _waiting_for(cluster, namespace, job, pod)
    message = f"The pod of the test did not start in time ({reason})."
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


def _waiting_for(cluster: Cluster, namespace: str, job: Object, pod: Object | None) -> str:
    """Why no pod runs, in the words of the scheduler, the kubelet or the quota."""
    if pod and (reason := waiting_cause(parse(pod, Pod)).reason):
        return reason
    about = (pod or job)["metadata"]["uid"]
    raws, _version = cluster.list_raw(
        "events", namespace, fields=f"type=Warning,involvedObject.uid={about}"
    )
    if raws:
        return max((parse(raw, Event) for raw in raws), key=lambda event: event.time).message
    return "it is still being prepared" if pod else "no pod was created"


def _remove(cluster: Cluster, namespace: str, name: str) -> None:
    try:
        cluster.delete("jobs", namespace, name, BACKGROUND)
    except BackendError as error:  # the janitor removes it later
        log.warning("probe_not_removed", job=name, error=str(error))
