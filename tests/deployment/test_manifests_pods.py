"""Every pod meets the Pod Security level `restricted`, is probed, and says how much it needs."""

from typing import Any

import pytest

from robotsim_project.gunicorn.shared import GRACE_SECONDS
from tests.deployment.manifests import (
    SETS,
    Object,
    amount,
    containers,
    of_kind,
    one,
    ours,
    rendered,
    workloads,
)

ALLOWED_VOLUMES = {"name", "emptyDir", "persistentVolumeClaim", "configMap"}
RESTART = 'test -n "$(find /tmp/alive -mmin -1)"'
MINIKUBE = {"cpu": 2 - 0.85, "memory": 4096 * 2.0**20 * 0.8}
"""Capacity that `minikube start --memory=4096 --cpus=2` leaves after its own pods."""
RESERVED = 3
"""Connections that PostgreSQL keeps for its superuser."""


def pods_of_ours() -> list[Any]:
    return [
        pytest.param(made, id=f"{name}-{thing['metadata']['name']}")
        for name in SETS
        for thing, made in workloads(rendered(name))
        if ours(thing)
    ]


def lasting(name: str) -> list[Object]:
    """Templates of long-running pods; jobs end and need no probe."""
    return [
        made
        for thing, made in workloads(rendered(name))
        if thing["kind"] in ("Deployment", "StatefulSet")
    ]


@pytest.mark.parametrize("pod", pods_of_ours())
def test_it_meets_restricted(pod: Object) -> None:
    spec = pod["spec"]
    assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & set(spec)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["runAsGroup"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for volume in spec.get("volumes", []):
        assert set(volume) <= ALLOWED_VOLUMES
    for each in containers(pod):
        context = each["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert not {"privileged", "runAsUser", "procMount"} & set(context)
        assert not any("hostPort" in port for port in each.get("ports", []))


@pytest.mark.parametrize("pod", pods_of_ours())
def test_its_root_is_read_only_and_what_it_writes_has_a_size(pod: Object) -> None:
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    for each in containers(pod):
        assert each["securityContext"]["readOnlyRootFilesystem"] is True
        assert {mount["name"] for mount in each["volumeMounts"]} >= set(volumes)
    for volume in volumes.values():
        if "emptyDir" in volume:
            assert amount(volume["emptyDir"]["sizeLimit"]) > 0
    if "robot-sim-backend" in containers(pod)[0]["image"]:
        mounts = {mount["mountPath"] for mount in containers(pod)[0]["volumeMounts"]}
        assert mounts == {"/tmp", "/data"}  # noqa: S108


@pytest.mark.parametrize("pod", pods_of_ours())
def test_it_gets_no_token_and_no_addresses_that_it_has_no_use_for(pod: Object) -> None:
    spec = pod["spec"]
    # Else a service named minio-service would show as MINIO_SERVICE_PORT among the settings.
    assert spec["enableServiceLinks"] is False
    if spec["containers"][0]["name"] == "robot-controller":
        assert spec["serviceAccountName"] == "robot-controller"
    else:
        assert spec["automountServiceAccountToken"] is False
        assert "serviceAccountName" not in spec


@pytest.mark.parametrize("name", SETS)
def test_every_container_says_what_it_needs_and_may_take(name: str) -> None:
    for _, made in workloads(rendered(name)):
        for each in containers(made):
            asked, most = each["resources"]["requests"], each["resources"]["limits"]
            assert set(asked) == set(most) == {"cpu", "memory", "ephemeral-storage"}
            assert all(amount(asked[kind]) <= amount(most[kind]) for kind in asked)
            held = sum(
                amount(volume["emptyDir"].get("sizeLimit", "0"))
                for volume in made["spec"]["volumes"]
                if "emptyDir" in volume and volume["emptyDir"].get("medium") != "Memory"
            )
            assert held <= amount(most["ephemeral-storage"]), each["name"]


@pytest.mark.parametrize("name", SETS)
def test_every_container_that_stays_is_probed(name: str) -> None:
    for made in lasting(name):
        for each in containers(made):
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                assert {"httpGet", "exec"} & set(each[probe]), (each["name"], probe)
            # A pod is never killed for what only takes it out of service.
            patience = [
                each[p].get("periodSeconds", 10) * each[p].get("failureThreshold", 3)
                for p in ("readinessProbe", "livenessProbe")
            ]
            assert patience[0] <= patience[1]


@pytest.mark.parametrize("kind", ["robot-backend", "robot-stream"])
def test_servers_are_asked_for_life_and_readiness(kind: str) -> None:
    (each,) = one(rendered("k8s"), "Deployment", kind)["spec"]["template"]["spec"]["containers"]
    asked = {
        probe: each[probe]["httpGet"]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe")
    }
    live, ready = ({"path": f"/health/{word}", "port": "http"} for word in ("live", "ready"))
    assert asked == {"startupProbe": live, "readinessProbe": ready, "livenessProbe": live}


@pytest.mark.parametrize("kind", ["robot-controller", "robot-worker"])
def test_loops_are_asked_for_their_sign_of_life(kind: str) -> None:
    (each,) = one(rendered("k8s"), "Deployment", kind)["spec"]["template"]["spec"]["containers"]
    assert {"name": "ALIVE_FILE", "value": "/tmp/alive"} in each["env"]  # noqa: S108
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert each[probe]["exec"]["command"] == ["sh", "-c", RESTART]


def test_each_has_the_time_to_end_that_its_program_takes() -> None:
    objects = rendered("k8s")
    for name in ("robot-backend", "robot-stream"):
        spec = one(objects, "Deployment", name)["spec"]["template"]["spec"]
        (each,) = spec["containers"]
        wait = int(each["lifecycle"]["preStop"]["exec"]["command"][-1])
        assert wait + GRACE_SECONDS < spec["terminationGracePeriodSeconds"]


def replicas(objects: tuple[Object, ...], thing: Object, bound: str = "minReplicas") -> int:
    """Pods of a workload; of one that is scaled, the least or the most."""
    for scaler in of_kind(objects, "HorizontalPodAutoscaler"):
        if scaler["spec"]["scaleTargetRef"]["name"] == thing["metadata"]["name"]:
            return int(scaler["spec"][bound])
    return int(thing["spec"].get("replicas", 1))


@pytest.mark.parametrize("name", ["k8s", "dev"])
def test_the_system_fits_on_the_guides_minikube_with_one_pod_more(name: str) -> None:
    objects = rendered(name)
    needed = dict.fromkeys(MINIKUBE, 0.0)
    largest = dict.fromkeys(MINIKUBE, 0.0)
    for thing, made in workloads(objects):
        count = replicas(objects, thing)
        for kind in MINIKUBE:
            asked = sum(amount(each["resources"]["requests"][kind]) for each in containers(made))
            if thing["kind"] in ("Deployment", "StatefulSet"):
                needed[kind] += count * asked
            largest[kind] = max(largest[kind], asked)
    for kind, room in MINIKUBE.items():
        assert needed[kind] + largest[kind] <= room, kind


@pytest.mark.parametrize("name", SETS)
def test_the_database_takes_the_connections_of_all_pods(name: str) -> None:
    objects = rendered(name)
    config = one(objects, "ConfigMap", "robot-config")["data"]
    pool = int(config["DATABASE_POOL"])
    assert pool >= int(config["WEB_THREADS"])
    processes = len(of_kind(objects, "CronJob", "Job"))
    for kind in ("robot-backend", "robot-stream", "robot-controller", "robot-worker"):
        thing = one(objects, "Deployment", kind)
        most = replicas(objects, thing, "maxReplicas") + 1  # one more while rolling
        processes += most * (int(config["WEB_WORKERS"]) if kind == "robot-backend" else 1)
    (server,) = one(objects, "Deployment", "postgres")["spec"]["template"]["spec"]["containers"]
    (most,) = [
        int(word.partition("=")[2]) for word in server["args"] if word.startswith("max_connections")
    ]
    assert processes * pool <= most - RESERVED


def test_a_backup_that_is_made_is_not_made_again_for_what_the_storage_lacks() -> None:
    job = one(rendered("k8s"), "CronJob", "robot-backup")["spec"]["jobTemplate"]["spec"]
    (rule,) = job["podFailurePolicy"]["rules"]
    assert (rule["action"], rule["onExitCodes"]["values"]) == ("FailJob", [1])
    (each,) = job["template"]["spec"]["containers"]
    assert rule["onExitCodes"]["containerName"] == each["name"]


def test_nightly_jobs_never_overlap_and_leave_a_short_history() -> None:
    for thing in of_kind(rendered("k8s"), "CronJob"):
        spec = thing["spec"]
        assert (spec["concurrencyPolicy"], spec["timeZone"]) == ("Forbid", "Etc/UTC")
        assert spec["startingDeadlineSeconds"] > 0
        assert spec["successfulJobsHistoryLimit"] == spec["failedJobsHistoryLimit"] == 3
        assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] > 0
    assert one(rendered("k8s"), "Job", "robot-migrate")["spec"]["ttlSecondsAfterFinished"] > 0
