"""`kubectl apply -k` on a real API server: no warning, everything starts, a second time changes nothing."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.deployment.cluster.conftest import K8S, ready
from tests.deployment.cluster.control_plane import ControlPlane

FOLDERS = {
    "base": K8S,
    "dev": K8S / "overlays" / "dev",
    "production": K8S / "overlays" / "production",
}
# What is applied under these names is looked at; the rest is made by controllers.
KINDS = (
    "deployments,statefulsets,cronjobs,services,persistentvolumeclaims,configmaps,networkpolicies,"
    "poddisruptionbudgets,resourcequotas,limitranges,roles,rolebindings,ingresses"
)


@pytest.fixture(scope="module", params=FOLDERS)
def folder(request: pytest.FixtureRequest, prepared: ControlPlane) -> Iterator[str]:
    """Apply one set without warnings, after the objects of the previous one were removed."""
    folder = str(FOLDERS[request.param])
    prepared.kubectl("apply", "-f", str(K8S / "base" / "namespaces.yaml"))
    make_secrets(prepared)
    assert prepared.kubectl("apply", "-k", folder).stderr == ""
    ready(prepared)
    yield folder
    # What goes with its namespace may be gone before its turn.
    prepared.kubectl("delete", "-k", folder, "--ignore-not-found", "--timeout=90s")
    prepared.kubectl("delete", "pv", "--all", "--timeout=90s")


def make_secrets(plane: ControlPlane) -> None:
    """Create the objects of install.sh that the pods need, as their namespace was removed."""
    keys = {
        "postgres-secret": ["POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"],
        "redis-secret": ["REDIS_PASSWORD"],
        "minio-secret": ["MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"],
        "robot-backend-secret": ["SECRET_KEY"],
        "robot-backup-secret": ["BACKUP_ACCESS_KEY"],
    }
    for name, names in keys.items():
        meta = {"name": name, "namespace": "robot"}
        data = dict.fromkeys(names, "x")
        plane.apply({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": data})


def versions(plane: ControlPlane) -> dict[str, Any]:
    """Of each object the part that was asked for: its generation, or its content where it has none."""
    found = {}
    for place in ("robot", "robot-agents"):
        for item in plane.get(KINDS, "-n", place)["items"]:
            meta = item["metadata"]
            content = item.get("data") or item.get("spec") or item.get("rules")
            found[f"{item['kind']} {place}/{meta['name']}"] = meta.get("generation", content)
    return found


def test_it_starts_and_is_not_changed_by_a_second_time(prepared: ControlPlane, folder: str) -> None:
    prepared.kubectl(
        "wait", "-n", "robot", "--for=condition=Complete", "job", "--all", "--timeout=60s"
    )
    claims = prepared.get("pvc", "-n", "robot")["items"]
    assert {claim["status"]["phase"] for claim in claims} == {"Bound"}
    assert {claim["metadata"]["name"] for claim in claims} == {
        *("postgres-data", "minio-data", "redis-data-redis-0")
    }
    before = versions(prepared)
    again = prepared.kubectl("apply", "-k", folder)
    assert again.stderr == ""
    assert " created" not in again.stdout
    assert "statefulset.apps/redis unchanged" in again.stdout
    assert versions(prepared) == before
    assert prepared.kubectl("diff", "-k", folder).stdout == ""


def test_the_folders_of_the_node_are_those_of_the_claims(
    prepared: ControlPlane, folder: str
) -> None:
    """Only `dev` brings volumes of its own, and then the claims are bound to them, not to others."""
    bound = {item["metadata"]["name"]: item for item in prepared.get("pvc", "-n", "robot")["items"]}
    volumes = {name: bound[name]["spec"]["volumeName"] for name in ("postgres-data", "minio-data")}
    if folder.endswith("dev"):
        assert volumes == {"postgres-data": "robot-postgres", "minio-data": "robot-minio"}
    else:
        assert all(volume.startswith("pvc-") for volume in volumes.values())
