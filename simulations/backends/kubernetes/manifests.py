"""Manifests of units: the Indexed Job and the Secret of a stage run, and the Job of a test of a link."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.protocol import Link, encode
from simulations.backends.base import Job, Placement, Resources, Toleration

Object = dict[str, Any]

USER = 10001
"""The user of the image, by number: Kubernetes can tell that it is not root."""
CONTAINER = "agent"
WORK_DIR = "/work"
SECRETS_DIR = "/mec-secrets"
TERMINATION_LOG = "/dev/termination-log"
TMP_MIB = 64
LOGS_MIB = 64
"""Room for what a container prints, which counts against its limit of local storage."""
DISK_REQUEST = 4
"""Part of its disk that is requested of the node: segments of recordings are removed once they are stored."""
GRACE_MARGIN = 30
"""Seconds after the last upload in which a unit reports its end."""
BACKSTOP_SECONDS = 7 * 86400
"""Time after which Kubernetes removes an ended Job that no controller has removed."""
NO_RETRY_CODE = 2
"""Exit code of a unit that would fail again in the same way."""

PRIORITY_CLASS = "robotsim-agents"
"""Of k8s/base: units wait for room and push nobody out."""

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

OURS = {PART_OF: "robotsim", NAME: "robot-agent"}
SELECTOR = ",".join(f"{key}={value}" for key, value in OURS.items())

PROBE_RESOURCES = Resources(cpu=100, cpu_limit=1000, memory=128, memory_limit=512)
PROBE_DISK_MIB = 64


@dataclass(frozen=True)
class Site:
    """What the installation adds to each unit."""

    pull_policy: str
    queue: str
    disk_mib: int
    upload_seconds: float
    """Time for which a unit that was told to end may upload what it has recorded."""


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
            "spec": _pod(job, site),
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


def probe_job(name: str, link: Link, image: str, server: str, site: Site) -> Object:
    """Return the Job of one pod that tests a link."""
    tags = {**OURS, PROBE: name}
    pod = _pod_spec(
        _container(
            image,
            site.pull_policy,
            [
                {"name": "ROBOTSIM_LINK", "value": encode(link).decode()},
                {"name": "ROBOTSIM_WORK_DIR", "value": WORK_DIR},
                *_common_environment(),
            ],
            PROBE_RESOURCES,
            PROBE_DISK_MIB,
        ),
        link.secret,
        PROBE_DISK_MIB,
    )
    pod["containers"][0]["args"] = ["probe"]
    spec = {
        "backoffLimit": 0,
        "ttlSecondsAfterFinished": 300,
        "template": {
            "metadata": {"labels": tags},
            "spec": {**pod, "terminationGracePeriodSeconds": 1},
        },
    }
    metadata = {"name": name, "labels": tags, "annotations": {SERVER: server}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def _failure_rules() -> list[Object]:
    """An evicted or preempted pod costs no retry; a unit that says so is not started again."""
    codes = {"containerName": CONTAINER, "operator": "In", "values": [NO_RETRY_CODE]}
    return [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "FailIndex", "onExitCodes": codes},
    ]


def _pod(job: Job, site: Site) -> Object:
    container = _container(
        job.image, site.pull_policy, _environment(job), job.resources, site.disk_mib
    )
    return {
        **_pod_spec(container, job.secret, site.disk_mib),
        "terminationGracePeriodSeconds": math.ceil(site.upload_seconds) + GRACE_MARGIN,
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {STAGE_RUN: str(job.stage_run)}},
            }
        ],
        **_placement(job.placement),
    }


def _pod_spec(container: Object, secret_name: str, disk_mib: int) -> Object:
    """A pod under the Pod Security level `restricted`, which writes to its volumes only."""
    volumes: list[Object] = [
        {"name": "work", "emptyDir": {"sizeLimit": f"{disk_mib}Mi"}},
        {"name": "tmp", "emptyDir": {"sizeLimit": f"{TMP_MIB}Mi"}},
    ]
    mounts: list[Object] = [
        {"name": "work", "mountPath": WORK_DIR},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  a volume of its own
    ]
    if secret_name:
        source = {"secretName": secret_name, "defaultMode": 0o440}
        volumes.append({"name": "mec", "secret": source})
        path = f"{SECRETS_DIR}/{secret_name}"
        mounts.append({"name": "mec", "mountPath": path, "readOnly": True})
    return {
        "restartPolicy": "Never",
        "priorityClassName": PRIORITY_CLASS,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [{**container, "volumeMounts": mounts}],
        "volumes": volumes,
    }


def _container(
    image: str,
    pull_policy: str,
    environment: list[Object],
    resources: Resources | None,
    disk_mib: int,
) -> Object:
    return {
        "name": CONTAINER,
        "image": image,
        "imagePullPolicy": pull_policy,
        "env": environment,
        "resources": _resources(resources, disk_mib),
        "terminationMessagePath": TERMINATION_LOG,
        # The end of the log tells of a process that could not write its message.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def _resources(resources: Resources | None, disk_mib: int) -> Object:
    disk = disk_mib + TMP_MIB + LOGS_MIB
    requests = {"ephemeral-storage": f"{math.ceil(disk / DISK_REQUEST)}Mi"}
    limits = {"ephemeral-storage": f"{disk}Mi"}
    if resources is not None:
        requests |= {"cpu": f"{resources.cpu}m", "memory": f"{resources.memory}Mi"}
        limits |= {"cpu": f"{resources.cpu_limit}m", "memory": f"{resources.memory_limit}Mi"}
    return {"requests": requests, "limits": limits}


def _environment(job: Job) -> list[Object]:
    """Variables of a unit: no key to database, Redis or storage, only the token of its execution."""
    token = {"secretKeyRef": {"name": job.name, "key": "token"}}
    return [
        {"name": "ROBOTSIM_SERVER", "value": job.server},
        {"name": "ROBOTSIM_TOKEN", "valueFrom": token},
        {"name": "ROBOTSIM_STAGE_RUN", "value": str(job.stage_run)},
        _from_field("ROBOTSIM_UNIT", f"metadata.annotations['{INDEX}']"),
        _from_field("ROBOTSIM_PROCESS", "metadata.uid"),
        {"name": "ROBOTSIM_WORK_DIR", "value": WORK_DIR},
        {"name": "ROBOTSIM_BAG_CACHE", "value": f"{WORK_DIR}/bags"},
        *_common_environment(),
    ]


def _common_environment() -> list[Object]:
    return [
        {"name": "ROBOTSIM_TERMINATION_LOG", "value": TERMINATION_LOG},
        {"name": "MEC_SECRETS_DIR", "value": SECRETS_DIR},
    ]


def _from_field(name: str, path: str) -> Object:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def _placement(placement: Placement) -> Object:
    found: Object = {}
    if placement.node_selector:
        found["nodeSelector"] = dict(placement.node_selector)
    if placement.tolerations:
        found["tolerations"] = [_toleration(taint) for taint in placement.tolerations]
    return found


def _toleration(taint: Toleration) -> Mapping[str, str]:
    fields = {
        "key": taint.key,
        "operator": taint.operator,
        "value": taint.value,
        "effect": taint.effect,
    }
    return {name: value for name, value in fields.items() if value}
