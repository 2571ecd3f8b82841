"""Our controllers replace the one of an earlier version, which had a claim and the strategy `Recreate`."""

from copy import deepcopy
from typing import Any

from tests.deployment.cluster.conftest import K8S, ready, until
from tests.deployment.cluster.control_plane import ControlPlane
from tests.deployment.manifests import in_file, one

CLAIM = "robot-controller-data"
META = {"name": CLAIM, "namespace": "robot"}
FOLDER = K8S / "base"


def earlier() -> list[dict[str, Any]]:
    """What an earlier version applied."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": META, "spec": spec}
    controller = deepcopy(
        one(in_file("base/controller-deploy.yaml"), "Deployment", "robot-controller")
    )
    controller["spec"] |= {"replicas": 1, "strategy": {"type": "Recreate"}}
    pod = controller["spec"]["template"]["spec"]
    pod["volumes"][1] = {"name": "data", "persistentVolumeClaim": {"claimName": CLAIM}}
    pod["terminationGracePeriodSeconds"] = 330
    return [claim, controller]


def test_two_controllers_without_a_claim_replace_one_with(prepared: ControlPlane) -> None:
    prepared.kubectl("apply", "-f", str(FOLDER / "controller-rbac.yaml"))
    settings = ("-f", str(FOLDER / "server-deploy.yaml"), "-l", "!app.kubernetes.io/name")
    prepared.kubectl("apply", *settings)
    for manifest in earlier():
        prepared.apply(manifest)
    ready(prepared)
    file = str(FOLDER / "controller-deploy.yaml")
    assert prepared.kubectl("apply", "-f", file).stderr == ""
    ready(prepared)
    pods = ("pods", "-n", "robot", "-l", "app.kubernetes.io/name=robot-controller")
    until(lambda: len(prepared.get(*pods)["items"]) == 2)
    for pod in prepared.get(*pods)["items"]:
        assert "persistentVolumeClaim" not in str(pod["spec"]["volumes"])
    assert prepared.kubectl("diff", "-f", file).stdout == ""
    # It may hold recordings; who needs none of them deletes it.
    assert prepared.get("pvc", CLAIM, "-n", "robot")["status"]["phase"] == "Bound"
