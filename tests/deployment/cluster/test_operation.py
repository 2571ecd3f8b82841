"""The installed system in operation: services find their pods, a drain gets through, backups by hand run."""

from typing import Any

import pytest

from robotsim_project.environment import BASE_DIR
from tests.deployment.cluster.conftest import ready, run_script, until
from tests.deployment.cluster.control_plane import ControlPlane


def test_every_service_has_a_pod_behind_it(installed: ControlPlane) -> None:
    def served() -> set[str]:
        slices = installed.get("endpointslices", "-n", "robot")["items"]
        label = "kubernetes.io/service-name"
        return {each["metadata"]["labels"][label] for each in slices if each["endpoints"]}

    services = {item["metadata"]["name"] for item in installed.get("svc", "-n", "robot")["items"]}
    assert "robot-backend-service" in services
    until(lambda: served() == services)


def test_the_autoscaler_finds_its_deployment_and_keeps_two(installed: ControlPlane) -> None:
    def able() -> bool:
        found = installed.get("hpa", "robot-backend", "-n", "robot")["status"]
        conditions = {each["type"]: each["status"] for each in found.get("conditions", [])}
        return conditions.get("AbleToScale") == "True"

    until(able)
    deployment = installed.get("deployment", "robot-backend", "-n", "robot")
    assert deployment["spec"]["replicas"] == 2


@pytest.mark.parametrize("name", ["robot-backup", "robot-prune"])
def test_a_night_job_runs_by_hand(installed: ControlPlane, name: str) -> None:
    installed.kubectl("create", "job", f"{name}-now", f"--from=cronjob/{name}", "-n", "robot")
    done = "--for=condition=Complete"
    installed.kubectl("wait", done, f"job/{name}-now", "-n", "robot", "--timeout=60s")


def test_a_restore_stops_what_writes_and_starts_it_again(installed: ControlPlane) -> None:
    code, said = run_script(installed, BASE_DIR, "restore.sh", "--yes", WAIT_SECONDS="90")
    assert code == 0, said
    ready(installed)
    left = installed.kubectl("get", "pods", "-n", "robot", "-o", "name").stdout
    assert "robot-restore" not in left


def test_a_drain_is_let_through(installed: ControlPlane) -> None:
    """Budgets move one pod at a time to another node and hold nothing up for ever."""
    installed.add_node("other")
    flags = ["--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=100s"]
    installed.kubectl("drain", "node", *flags)
    installed.kubectl("uncordon", "node")
    ready(installed)
    assert {pod["spec"]["nodeName"] for pod in running(installed)} == {"other"}


def running(plane: ControlPlane) -> list[dict[str, Any]]:
    pods: list[dict[str, Any]] = plane.get("pods", "-n", "robot")["items"]
    return [pod for pod in pods if pod["status"]["phase"] == "Running"]
