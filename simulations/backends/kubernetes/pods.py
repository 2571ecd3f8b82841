"""Pods of units and of tests of links, under the Pod Security level `restricted`."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from agent.protocol import Link, encode
from simulations.backends.base import Job, Placement, Resources, Toleration
from simulations.backends.kubernetes.labels import INDEX, STAGE_RUN

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
PRIORITY_CLASS = "robotsim-agents"
"""Of k8s/base: units wait for room and push nobody out."""
PROBE_RESOURCES = Resources(cpu=100, cpu_limit=1000, memory=128, memory_limit=512)
PROBE_DISK_MIB = 64


@dataclass(frozen=True)
class Site:
    """Settings of the installation for each unit."""

    pull_policy: str
    queue: str
    disk_mib: int
    upload_seconds: float
    """Time for which a unit that was told to end may upload what it has recorded."""


def unit_pod(job: Job, site: Site) -> Object:
    """Return the pod of a unit."""
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


def probe_pod(link: Link, placement: Placement, image: str, site: Site) -> Object:
    """Return the pod that tests a link, on the nodes of its units."""
    environment = [
        {"name": "ROBOTSIM_LINK", "value": encode(link).decode()},
        {"name": "ROBOTSIM_WORK_DIR", "value": WORK_DIR},
        *_common_environment(),
    ]
    container = _container(image, site.pull_policy, environment, PROBE_RESOURCES, PROBE_DISK_MIB)
    return {
        **_pod_spec({**container, "args": ["probe"]}, link.secret, PROBE_DISK_MIB),
        "terminationGracePeriodSeconds": 1,
        **_placement(placement),
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
    return {name: value for name, value in asdict(taint).items() if value}
