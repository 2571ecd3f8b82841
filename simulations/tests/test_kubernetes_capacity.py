"""Room on Kubernetes: what the quota leaves, and nodes where they may be read."""

from typing import Any

import pytest

from simulations.backends.base import Capacity
from simulations.backends.kubernetes.backend import KubernetesBackend
from tests.support.kubernetes_api import Failure, KubernetesApi

SPACE = "robot-agents"
GIB = 2**30
QUOTA = {
    "hard": {"requests.cpu": "20", "requests.memory": "40Gi", "pods": "2k", "limits.cpu": "200"},
    "used": {"requests.cpu": "2500m", "requests.memory": "10Gi", "pods": "40"},
}


def add_quota(api: KubernetesApi) -> None:
    metadata = {"name": "robot-agents"}
    api.objects.create("resourcequotas", SPACE, {"metadata": metadata, "status": QUOTA})


def add_node(api: KubernetesApi, name: str, *, ready: bool = True, **spec: Any) -> None:
    allocatable = {"cpu": "4", "memory": "8Gi", "ephemeral-storage": "100Gi"}
    conditions = [{"type": "Ready", "status": str(ready)}]
    status = {"allocatable": allocatable, "conditions": conditions}
    manifest = {"metadata": {"name": name}, "spec": spec, "status": status}
    api.objects.create("nodes", SPACE, manifest)


def add_pod(api: KubernetesApi, node: str, phase: str) -> None:
    requests = {"cpu": "500m", "memory": "1Gi"}
    spec = {"nodeName": node, "containers": [{"resources": {"requests": requests}}, {}]}
    metadata = {"name": f"on-{node}-{phase}"}
    manifest = {"metadata": metadata, "spec": spec, "status": {"phase": phase}}
    api.objects.create("pods", SPACE, manifest)


def refuse_nodes(api: KubernetesApi) -> None:
    api.fail = lambda call: Failure(403) if call.kind == "nodes" else None


def test_the_quota_is_the_room(kubernetes_api: KubernetesApi) -> None:
    add_quota(kubernetes_api)
    refuse_nodes(kubernetes_api)
    assert KubernetesBackend().capacity() == Capacity(17.5, 30 * GIB, units=1960, limit_cores=200)


def test_nodes_that_may_be_read_are_the_room_where_they_have_less(
    kubernetes_api: KubernetesApi,
) -> None:
    add_quota(kubernetes_api)
    add_node(kubernetes_api, "one")
    add_node(kubernetes_api, "two")
    add_node(kubernetes_api, "cordoned", unschedulable=True)
    add_node(kubernetes_api, "lost", ready=False)
    for node in ("one", "two", "lost"):
        add_pod(kubernetes_api, node, "Running")
    add_pod(kubernetes_api, "one", "Succeeded")
    add_pod(kubernetes_api, "two", "Pending")
    assert KubernetesBackend().capacity() == Capacity(
        *(6.5, 13 * GIB, 200 * GIB),
        units=1960,
        node_cores=3.5,
        node_memory_bytes=7 * GIB,
        limit_cores=200,
    )


def test_without_quota_and_rights_nothing_is_known(kubernetes_api: KubernetesApi) -> None:
    refuse_nodes(kubernetes_api)
    assert KubernetesBackend().capacity() is None


def test_a_process_outside_a_cluster_does_not_know(
    kubernetes_api: KubernetesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere/kubeconfig")
    assert KubernetesBackend().capacity() is None
