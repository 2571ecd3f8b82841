"""Admission by a real API server with the system installed: pod security levels, quota of units."""

from typing import Any

from tests.deployment.cluster.control_plane import ControlPlane

RESTRICTED = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def pod(name: str, place: str, context: dict[str, Any], **container: Any) -> dict[str, Any]:
    unit = {"name": "unit", "image": "busybox", "securityContext": context, **container}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": place},
        "spec": {"containers": [unit]},
    }


def refusal(plane: ControlPlane, manifest: dict[str, Any]) -> str:
    done = plane.apply(manifest, check=False)
    assert done.returncode != 0, done.stdout
    return str(done.stderr)


def test_a_privileged_pod_is_refused_everywhere(installed: ControlPlane) -> None:
    for place in ("robot", "robot-agents"):
        said = refusal(installed, pod("bad", place, {"privileged": True}))
        assert "violates PodSecurity" in said
        assert "privileged" in said


def test_a_folder_of_the_node_is_refused(installed: ControlPlane) -> None:
    manifest = pod("bad", "robot", RESTRICTED)
    manifest["spec"]["volumes"] = [{"name": "etc", "hostPath": {"path": "/etc"}}]
    assert "hostPath volumes" in refusal(installed, manifest)


def test_a_debug_pod_starts_in_robot_and_not_among_units(installed: ControlPlane) -> None:
    done = installed.apply(pod("debug", "robot", {}))
    assert "created" in done.stdout
    assert 'would violate PodSecurity "restricted' in done.stderr  # it is told, as intended
    assert "violates PodSecurity" in refusal(installed, pod("debug", "robot-agents", {}))


def test_a_unit_that_names_no_resources_gets_them(installed: ControlPlane) -> None:
    assert installed.apply(pod("unit", "robot-agents", RESTRICTED)).stderr == ""
    (container,) = installed.get("pod", "unit", "-n", "robot-agents")["spec"]["containers"]
    assert container["resources"]["requests"]["memory"] == "256Mi"
    assert container["resources"]["limits"]["memory"] == "512Mi"
    used = installed.get("quota", "robot-agents", "-n", "robot-agents")["status"]["used"]
    assert (used["pods"], used["requests.memory"]) == ("1", "256Mi")


def test_a_unit_that_wants_too_much_is_refused(installed: ControlPlane) -> None:
    greedy = {"limits": {"memory": "101Gi"}}
    said = refusal(installed, pod("greedy", "robot-agents", RESTRICTED, resources=greedy))
    assert "exceeded quota: robot-agents" in said


def test_units_get_no_claims_and_no_services(installed: ControlPlane) -> None:
    meta = {"name": "own", "namespace": "robot-agents"}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec}
    assert "exceeded quota" in refusal(installed, claim)
    ports = {"ports": [{"port": 80}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": ports}
    assert "exceeded quota" in refusal(installed, service)
