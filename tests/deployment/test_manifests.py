"""The manifests have the names that the install guide uses, and hold together."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from robotsim_project.environment import BASE_DIR
from tests.deployment.manifests import (
    GUIDE,
    K8S,
    SETS,
    Object,
    containers,
    identity,
    in_file,
    kubectl,
    labels,
    of_kind,
    one,
    parsed,
    rendered,
    selects,
    template,
    workloads,
)

VERSION = (BASE_DIR / ".version").read_text().strip()
IMAGES = {
    "postgres:15.15-bookworm",
    "redis:7.4.6-bookworm",
    "minio/minio:RELEASE.2025-09-07T16-13-09Z",
    "busybox:1.37.0",
    "registry.k8s.io/metrics-server/metrics-server:v0.8.0",
}
NAMED = {
    ("Deployment", "robot", "postgres"),
    ("Deployment", "robot", "minio"),
    ("StatefulSet", "robot", "redis"),
    ("Deployment", "robot", "robot-backend"),
    ("Deployment", "robot", "robot-stream"),
    ("Deployment", "robot", "robot-controller"),
    ("Deployment", "robot", "robot-worker"),
    ("Job", "robot", "robot-migrate"),
    ("CronJob", "robot", "robot-backup"),
    ("CronJob", "robot", "robot-prune"),
    ("Service", "robot", "postgres-service"),
    ("Service", "robot", "minio-service"),
    ("Service", "robot", "redis-service"),
    ("Service", "robot", "robot-backend-service"),
    ("Service", "robot", "robot-stream-service"),
    ("ConfigMap", "robot", "robot-config"),
    ("Namespace", "", "robot"),
    ("Namespace", "", "robot-agents"),
}
PORTS = {
    "postgres-service": {5432},
    "redis-service": {6379},
    "minio-service": {9000, 9001},
    "robot-backend-service": {8000},
    "robot-stream-service": {8000},
}
CLUSTER_WIDE = {
    "Namespace",
    "PriorityClass",
    "PersistentVolume",
    "ClusterRole",
    "ClusterRoleBinding",
    "APIService",
    "ResourceFlavor",
    "ClusterQueue",
}


@pytest.mark.parametrize("name", SETS)
def test_what_the_guide_names_is_there(name: str) -> None:
    objects = rendered(name)
    assert {identity(thing) for thing in objects} >= NAMED
    assert len({identity(thing) for thing in objects}) == len(objects)
    for service, ports in PORTS.items():
        found = one(objects, "Service", service)
        assert {port["port"] for port in found["spec"]["ports"]} == ports
    backend = one(objects, "Deployment", "robot-backend")
    assert [each["name"] for each in backend["spec"]["template"]["spec"]["containers"]] == [
        "robot-backend"
    ]


def test_minikube_service_finds_a_node_port_and_production_has_none() -> None:
    assert one(rendered("k8s"), "Service", "robot-backend-service")["spec"]["type"] == "NodePort"
    kinds = {
        thing["spec"].get("type", "ClusterIP")
        for thing in of_kind(rendered("production"), "Service")
    }
    assert kinds == {"ClusterIP"}


def test_the_guides_files_are_links_to_what_is_rendered() -> None:
    links = {path.name: path for path in K8S.iterdir() if path.is_symlink()}
    assert set(links) == set(GUIDE)
    everything = {identity(thing) for thing in rendered("dev")}
    for path in links.values():
        assert not Path(path.readlink()).is_absolute()
        assert path.resolve(strict=True).is_relative_to(K8S)
        assert {identity(thing) for thing in in_file(path.name)} <= everything


def test_git_keeps_the_links_as_links() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-s", "--", *(f"k8s/{name}" for name in GUIDE)],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode or not listed.stdout:
        return  # an unpacked archive has no git; the test above looks at its links
    assert {line.split()[0] for line in listed.stdout.splitlines()} == {"120000"}


def test_each_file_of_the_guide_finds_what_it_refers_to_in_the_guides_order() -> None:
    there = {
        identity(thing)
        for thing in (*in_file("base/namespaces.yaml"), *in_file("secrets.example.yaml"))
    }
    there |= {("PriorityClass", "", "system-cluster-critical")}
    for name in GUIDE:
        there |= {identity(thing) for thing in in_file(name)}
        for thing in in_file(name):
            assert ("namespace" in thing["metadata"]) != (thing["kind"] in CLUSTER_WIDE)
            if made := template(thing):
                assert references(made, thing["metadata"]["namespace"]) <= there, name


@pytest.mark.parametrize("name", SETS)
def test_each_set_finds_what_it_refers_to(name: str) -> None:
    there = {identity(thing) for thing in (*rendered(name), *in_file("secrets.example.yaml"))}
    there |= {("PriorityClass", "", "system-cluster-critical")}
    for thing, made in workloads(rendered(name)):
        missing = references(made, thing["metadata"]["namespace"]) - there
        assert not missing, thing["metadata"]["name"]


def references(pod: Object, namespace: str) -> set[tuple[str, str, str]]:
    """Everything that a pod cannot start without."""
    spec = pod["spec"]
    found = set()
    if "priorityClassName" in spec:
        found.add(("PriorityClass", "", spec["priorityClassName"]))
    if "serviceAccountName" in spec:
        found.add(("ServiceAccount", namespace, spec["serviceAccountName"]))
    for volume in spec.get("volumes", []):
        if claim := volume.get("persistentVolumeClaim"):
            found.add(("PersistentVolumeClaim", namespace, claim["claimName"]))
        if config := volume.get("configMap"):
            found.add(("ConfigMap", namespace, config["name"]))
    for each in containers(pod):
        for source in each.get("envFrom", []):
            kind, key = (
                ("Secret", "secretRef") if "secretRef" in source else ("ConfigMap", "configMapRef")
            )
            found.add((kind, namespace, source[key]["name"]))
    return found


@pytest.mark.parametrize("name", SETS)
def test_selectors_select_their_own_pods(name: str) -> None:
    objects = rendered(name)
    pods = [labels(made) for _, made in workloads(objects)]
    for thing in of_kind(objects, "Deployment", "StatefulSet"):
        own = labels(thing["spec"]["template"])
        assert selects(thing["spec"]["selector"], own)
        assert sum(selects(thing["spec"]["selector"], each) for each in pods) == 1
    for thing in of_kind(objects, "Service"):
        wanted = {"matchLabels": thing["spec"]["selector"]}
        behind = [made for _, made in workloads(objects) if selects(wanted, labels(made))]
        assert len(behind) == 1, identity(thing)
        ports = {port["name"] for each in containers(behind[0]) for port in each.get("ports", [])}
        assert {port["targetPort"] for port in thing["spec"]["ports"]} <= ports
    for thing in of_kind(objects, "PodDisruptionBudget"):
        assert sum(selects(thing["spec"]["selector"], each) for each in pods) == 1


@pytest.mark.parametrize("name", SETS)
def test_nothing_blocks_the_drain_of_a_node_for_good(name: str) -> None:
    for thing in of_kind(rendered(name), "PodDisruptionBudget"):
        assert "minAvailable" not in thing["spec"]
        assert thing["spec"]["maxUnavailable"] == 1
        assert thing["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


@pytest.mark.parametrize("name", SETS)
def test_the_autoscaler_alone_sets_the_servers_replicas(name: str) -> None:
    objects = rendered(name)
    scalers = of_kind(objects, "HorizontalPodAutoscaler")
    assert {thing["metadata"]["name"] for thing in scalers} == {"robot-backend", "robot-stream"}
    for scaler in scalers:
        target = scaler["spec"]["scaleTargetRef"]
        assert "replicas" not in one(objects, target["kind"], target["name"])["spec"]
        assert 1 <= scaler["spec"]["minReplicas"] < scaler["spec"]["maxReplicas"]


@pytest.mark.parametrize("name", SETS)
def test_images_are_pinned_and_ours_have_the_version(name: str) -> None:
    used = {each["image"] for _, made in workloads(rendered(name)) for each in containers(made)}
    own = {image for image in used if "robot-sim-" in image}
    used -= own
    place, found, version = own.pop().partition("robot-sim-backend")
    assert (own, found, version) == (set(), "robot-sim-backend", f":{VERSION}")
    units = one(rendered(name), "ConfigMap", "robot-config")["data"]["AGENT_IMAGE"]
    assert units == f"{place}robot-sim-agent:{VERSION}"
    assert used <= IMAGES


def test_the_version_is_the_same_in_every_file() -> None:
    tags = {
        tag
        for path in K8S.rglob("*.yaml")
        for tag in re.findall(
            r"robot-sim-(?:backend|agent):(\S+)", path.read_text(encoding="utf-8")
        )
    }
    assert tags == {VERSION}


def test_the_volumes_of_dev_are_promised_to_claims_that_fit() -> None:
    objects = rendered("dev")
    volumes = of_kind(objects, "PersistentVolume")
    assert {thing["spec"]["claimRef"]["name"] for thing in volumes} == {
        "postgres-data",
        "minio-data",
    }
    for volume in volumes:
        spec = volume["spec"]
        claim = one(objects, "PersistentVolumeClaim", spec["claimRef"]["name"])
        assert spec["claimRef"]["namespace"] == claim["metadata"]["namespace"]
        assert spec["capacity"]["storage"] == claim["spec"]["resources"]["requests"]["storage"]
        assert spec["accessModes"] == claim["spec"]["accessModes"]
        assert (spec["storageClassName"], spec["persistentVolumeReclaimPolicy"]) == (
            "standard",
            "Retain",
        )
        # The folder belongs to the user of the pod that gets it.
        folder = one(objects, "Job", f"{volume['metadata']['name']}-folder")
        pods = [
            made for _, made in workloads(objects) if claim_of(made) == spec["claimRef"]["name"]
        ]
        user = pods[0]["spec"]["securityContext"]["runAsUser"]
        command = folder["spec"]["template"]["spec"]["containers"][0]["command"][-1]
        assert f"chown {user}:{user} {Path(spec['hostPath']['path']).name}" in command
    assert not of_kind(rendered("k8s"), "PersistentVolume")
    assert not of_kind(rendered("production"), "PersistentVolume")


def claim_of(pod: Object) -> str:
    claims = [
        each["persistentVolumeClaim"]["claimName"]
        for each in pod["spec"]["volumes"]
        if "persistentVolumeClaim" in each
    ]
    return claims[0] if claims else ""


def test_claims_take_the_default_class_and_in_production_the_one_that_is_named() -> None:
    for thing in of_kind(rendered("k8s"), "PersistentVolumeClaim"):
        assert "storageClassName" not in thing["spec"]
    redis = one(rendered("k8s"), "StatefulSet", "redis")["spec"]["volumeClaimTemplates"]
    assert [(each["metadata"]["name"], "storageClassName" in each["spec"]) for each in redis] == [
        ("redis-data", False)
    ]
    named = in_file("overlays/production/site.yaml")[0]["data"]["storageClass"]
    claims = [thing["spec"] for thing in of_kind(rendered("production"), "PersistentVolumeClaim")]
    claims += [
        each["spec"]
        for each in one(rendered("production"), "StatefulSet", "redis")["spec"][
            "volumeClaimTemplates"
        ]
    ]
    assert {spec["storageClassName"] for spec in claims} == {named}
    assert len(claims) == 3


def test_only_one_pod_at_a_time_has_a_claim() -> None:
    for thing in of_kind(rendered("k8s"), "Deployment"):
        if claim_of(thing["spec"]["template"]):
            assert (thing["spec"]["strategy"], thing["spec"]["replicas"]) == (
                {"type": "Recreate"},
                1,
            )
        else:
            assert thing["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_two_controllers_stand_in_for_each_other() -> None:
    for name in SETS:
        controller = one(rendered(name), "Deployment", "robot-controller")["spec"]
        assert controller["replicas"] == 2
        assert not claim_of(controller["template"])
        assert one(rendered(name), "ConfigMap", "robot-config")["data"]["BACKEND"] == "kubernetes"


def test_the_names_of_an_installation_stand_in_one_file(tmp_path: Path) -> None:
    tree = tmp_path / "k8s"
    shutil.copytree(K8S, tree, symlinks=True)
    site = tree / "overlays" / "production" / "site.yaml"
    text = site.read_text()
    for name in ("robot.example.com", "s3.backup.example.com", "admin@example.com"):
        text = text.replace(name, name.replace("example", "changed"))
    site.write_text(text)
    again = kubectl("kustomize", site.parent)
    assert again.replace("changed", "example") == kubectl(
        "kustomize", K8S / "overlays" / "production"
    )
    left = re.findall(r"\S*example\.com\S*", again)
    assert all(word.startswith("registry.example.com/") for word in left)
    hosts = {thing["spec"]["rules"][0]["host"] for thing in of_kind(parsed(again), "Ingress")}
    assert hosts == {"robot.changed.com", "storage.robot.changed.com"}
