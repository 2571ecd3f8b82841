"""The files of the install guide on a real API server, in its order, and then its commands as printed."""

import shlex

import pytest

from robotsim_project.tests.cluster.conftest import K8S
from robotsim_project.tests.cluster.control_plane import ControlPlane
from robotsim_project.tests.manifests import GUIDE

ROLLED_OUT = {
    "postgres-deploy.yaml": "deployment/postgres",
    "minio-deploy.yaml": "deployment/minio",
    "redis-deploy.yaml": "statefulset/redis",
    "server-deploy.yaml": "deployment/robot-backend",
}
COMMANDS = """
kubectl get pods -n robot -o wide
kubectl get svc -n robot
kubectl get pods -n kube-system
kubectl logs -f deployment/robot-backend -n robot
kubectl logs -f deployment/postgres -n robot
kubectl get pv
kubectl get pvc -n robot
kubectl get storageclass
kubectl get endpoints -n robot
kubectl run -it --rm debug --image=busybox --restart=Never -n robot -- nslookup postgres-service
kubectl logs -n kube-system deployment/metrics-server
kubectl rollout restart deployment/metrics-server -n kube-system
kubectl get apiservice v1beta1.metrics.k8s.io -o yaml
kubectl set image deployment/robot-backend robot-backend=robot-sim-backend:v2 -n robot
kubectl rollout status deployment/robot-backend -n robot
""".strip().splitlines()


@pytest.fixture(scope="module")
def applied(prepared: ControlPlane) -> dict[str, str]:
    """What kubectl said of each file, and what of a second time."""
    said = {}
    for name in GUIDE:
        done = prepared.kubectl("apply", "-f", str(K8S / name))
        assert done.stderr == "", name
        if name in ROLLED_OUT:
            prepared.kubectl("rollout", "status", ROLLED_OUT[name], "-n", "robot", "--timeout=90s")
        said[name] = prepared.kubectl("apply", "-f", str(K8S / name)).stdout
    return said


@pytest.mark.parametrize("name", GUIDE)
def test_a_file_applies_by_itself_and_a_second_time_changes_nothing(
    prepared: ControlPlane, applied: dict[str, str], name: str
) -> None:
    assert " created" not in applied[name]
    assert prepared.kubectl("diff", "-f", str(K8S / name)).stdout == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_guide_works_as_printed(
    prepared: ControlPlane, applied: dict[str, str], command: str
) -> None:
    prepared.kubectl(*shlex.split(command)[1:], stdin=None)


def test_the_database_lies_on_its_volume_and_survives_its_pod(
    prepared: ControlPlane, applied: dict[str, str]
) -> None:
    volume = prepared.get("pvc", "postgres-data", "-n", "robot")["spec"]["volumeName"]
    assert volume == "robot-postgres"
    before = prepared.get("pods", "-n", "robot", "-l", "app.kubernetes.io/name=postgres")["items"]
    prepared.kubectl("delete", "pod", before[0]["metadata"]["name"], "-n", "robot")
    prepared.kubectl("rollout", "status", "deployment/postgres", "-n", "robot", "--timeout=90s")
    (after,) = prepared.get("pods", "-n", "robot", "-l", "app.kubernetes.io/name=postgres")["items"]
    assert after["metadata"]["uid"] != before[0]["metadata"]["uid"]
    (claim,) = [each for each in after["spec"]["volumes"] if "persistentVolumeClaim" in each]
    assert claim["persistentVolumeClaim"]["claimName"] == "postgres-data"
    assert prepared.get("pvc", "postgres-data", "-n", "robot")["spec"]["volumeName"] == volume
    assert prepared.get("pv", volume)["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
