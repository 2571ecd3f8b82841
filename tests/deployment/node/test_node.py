"""A pod on the real node: the agent's image runs in it, as the manifests of the agents' namespace demand."""

from typing import Any

import pytest

from tests.deployment.cluster.conftest import until
from tests.deployment.node import images
from tests.deployment.node.real_cluster import RealCluster

pytestmark = pytest.mark.cluster


def agent_pod(name: str) -> dict[str, Any]:
    """Return a pod of the agent's image that obeys the level `restricted`."""
    rights = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    container = {
        "name": "agent",
        "image": images.AGENT,
        "imagePullPolicy": "Never",
        "securityContext": rights,
    }
    user = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"restartPolicy": "Never", "securityContext": user, "containers": [container]},
    }


def test_the_agents_image_runs_in_a_restricted_pod(cluster: RealCluster) -> None:
    cluster.kubectl("create", "namespace", "agents-image")
    level = "pod-security.kubernetes.io/enforce=restricted"
    cluster.kubectl("label", "namespace", "agents-image", level)
    place = ("-n", "agents-image")
    cluster.apply(agent_pod("one"), *place)

    def ended() -> bool:
        phase = cluster.get("pod", "one", *place)["status"]["phase"]
        return phase in {"Succeeded", "Failed"}

    until(ended, 120)
    said = cluster.kubectl("logs", "one", *place).stdout
    assert said.startswith("Not set: ROBOTSIM_SERVER"), said
    cluster.kubectl("delete", "namespace", "agents-image", "--wait=false")


def test_a_pod_reaches_a_service_by_its_name(cluster: RealCluster) -> None:
    program = (
        "import socket; socket.create_connection(('kubernetes.default', 443), 60); print('yes')"
    )
    name = ("names", "-n", "default")
    image = ("--image", images.BASE, "--image-pull-policy=Never", "--restart=Never")
    cluster.kubectl("run", *name, *image, "--", "python3", "-c", program)
    until(lambda: cluster.get("pod", *name)["status"]["phase"] in {"Succeeded", "Failed"}, 120)
    assert cluster.kubectl("logs", *name).stdout == "yes\n"
    cluster.kubectl("delete", "pod", *name, "--wait=false")
