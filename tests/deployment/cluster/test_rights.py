"""Rights of the system's service accounts, by the API server's own authorizer."""

import json
from typing import Any

import pytest

from tests.deployment.cluster.control_plane import ControlPlane

CONTROLLER = "system:serviceaccount:robot:robot-controller"
PART = "app.kubernetes.io/part-of=robotsim"
STRANGER = "system:serviceaccount:default:default"
EXACTLY = {
    ("batch", "jobs"): {"get", "list", "watch", "create", "delete"},
    ("", "pods"): {"get", "list", "watch", "delete"},
    ("", "pods/log"): {"get"},
    ("", "events"): {"get", "list", "watch"},
    ("", "resourcequotas"): {"get"},
    ("", "secrets"): {"get", "create", "patch", "delete"},
}


def rules(plane: ControlPlane, account: str, place: str) -> list[dict[str, Any]]:
    """All rules of an account in a namespace; those of the whole cluster are among them."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": place},
    }
    words = ["create", "-f", "-", "--validate=false", "-o", "json", "--as", account]
    group = f"system:serviceaccounts:{account.split(':')[2]}"
    words += ["--as-group=system:authenticated", "--as-group=system:serviceaccounts"]
    done = plane.kubectl(*words, f"--as-group={group}", input=json.dumps(review))
    status = json.loads(done.stdout)["status"]
    assert not status["incomplete"]
    found: list[dict[str, Any]] = status["resourceRules"]
    return found


def own_rules(plane: ControlPlane, place: str) -> list[dict[str, Any]]:
    """Rights of the controller that no other account of the cluster has."""
    others = rules(plane, STRANGER, place)
    return [rule for rule in rules(plane, CONTROLLER, place) if rule not in others]


def test_the_controller_may_do_this_among_units_and_nothing_more(installed: ControlPlane) -> None:
    granted: dict[tuple[str, str], set[str]] = {}
    for rule in own_rules(installed, "robot-agents"):
        assert "resourceNames" not in rule
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                granted.setdefault((group, resource), set()).update(rule["verbs"])
    assert granted == EXACTLY


@pytest.mark.parametrize("place", ["robot", "default", "kube-system"])
def test_the_controller_may_do_nothing_anywhere_else(installed: ControlPlane, place: str) -> None:
    assert own_rules(installed, place) == []


def test_no_binding_of_the_whole_cluster_names_an_account_of_ours(installed: ControlPlane) -> None:
    for binding in installed.get("clusterrolebindings")["items"]:
        for subject in binding.get("subjects", []):
            assert subject.get("namespace") not in {"robot", "robot-agents"}, binding["metadata"]


def test_only_the_controller_has_a_token_in_its_pod(installed: ControlPlane) -> None:
    holders = set()
    for pod in installed.get("pods", "-n", "robot", "-l", PART)["items"]:
        for volume in pod["spec"].get("volumes", []):
            sources = volume.get("projected", {}).get("sources", [])
            if any("serviceAccountToken" in source for source in sources):
                holders.add(pod["metadata"]["labels"]["app.kubernetes.io/name"])
    assert holders == {"robot-controller"}
