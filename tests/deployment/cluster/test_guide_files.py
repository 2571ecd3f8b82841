"""The files of the install guide on a real API server, in its order, and then its commands as printed."""

import subprocess

import pytest

from tests.deployment import guide
from tests.deployment.cluster.conftest import K8S
from tests.deployment.cluster.control_plane import ControlPlane
from tests.deployment.manifests import GUIDE

ROLLED_OUT = {
    "postgres-deploy.yaml": "deployment/postgres",
    "minio-deploy.yaml": "deployment/minio",
    "redis-deploy.yaml": "statefulset/redis",
    "server-deploy.yaml": "deployment/robot-backend",
}
ELSEWHERE = {
    "create namespace": "made by install.sh",
    "apply": "done by the fixture, and in test_overlays.py",
    "port-forward": "the node runs no containers that could answer",
    "top": "asks metrics-server, which is a container",
    "describe pod": "the name is the reader's",
    "create job": "in test_operation.py; cron jobs are not in the guide's files",
}
"""Commands that are not run here, by their first words, and why."""
COMMANDS = [
    command
    for command in dict.fromkeys(guide.commands("cluster"))
    if command.startswith("kubectl ")
    and not command.startswith(tuple(f"kubectl {words} " for words in ELSEWHERE))
]


@pytest.fixture(scope="module")
def applied(prepared: ControlPlane) -> dict[str, str]:
    """Output of kubectl for each file applied a second time, and for remaining differences.

    Collected first, as the commands of the guide change the server.
    """
    said = {}
    for name in GUIDE:
        done = prepared.kubectl("apply", "-f", str(K8S / name))
        assert done.stderr == "", name
        if name in ROLLED_OUT:
            prepared.kubectl("rollout", "status", ROLLED_OUT[name], "-n", "robot", "--timeout=90s")
        said[name] = prepared.kubectl("apply", "-f", str(K8S / name)).stdout
        said[name] += prepared.kubectl("diff", "-f", str(K8S / name)).stdout
    return said


@pytest.mark.parametrize("name", GUIDE)
def test_a_file_applies_by_itself_and_a_second_time_changes_nothing(
    applied: dict[str, str], name: str
) -> None:
    assert " created" not in applied[name]
    assert "diff " not in applied[name]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_guide_works_as_printed(
    prepared: ControlPlane, applied: dict[str, str], command: str
) -> None:
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        env=prepared.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "grep" not in command or done.stdout


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
