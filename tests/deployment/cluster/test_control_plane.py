"""The control plane that the other tests of this folder stand on does what a cluster does."""

from typing import Any

import pytest

from tests.deployment.cluster.conftest import until
from tests.deployment.cluster.control_plane import NOBODY, YES, ControlPlane
from tests.support.programs import kubernetes_version

LABELS = {"app": "tiny"}
MISSING = '#!/bin/sh\n[ "$1" = pull ] && [ "$5" = tiny:missing ] && exit 1\nexit 0\n'


def deployment(image: str, **container: Any) -> dict[str, Any]:
    pod = {"containers": [{"name": "tiny", "image": image, **container}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "tiny"},
        "spec": {
            "replicas": 2,
            "progressDeadlineSeconds": 5,
            "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"labels": LABELS}, "spec": pod},
        },
    }


@pytest.fixture(autouse=True)
def empty(plane: ControlPlane) -> None:
    plane.answer(YES)
    plane.kubectl("delete", "deployments,jobs,pods,configmaps,pvc", "--all", "--wait")


def test_it_is_the_version_asked_for(plane: ControlPlane) -> None:
    output = plane.kubectl("version").stdout
    assert output.count(kubernetes_version()) == 2, output


def test_a_deployment_rolls_out_and_answers_in_its_containers(plane: ControlPlane) -> None:
    plane.apply(deployment("tiny:1"))
    plane.kubectl("rollout", "status", "deployment/tiny", "--timeout=60s")
    assert "log of default/tiny-" in plane.kubectl("logs", "deployment/tiny").stdout
    plane.answer('#!/bin/sh\necho "$4: $5 $6"\nexit 3\n')
    done = plane.kubectl("exec", "deployment/tiny", "--", "echo", "a b", check=False)
    assert (done.stdout, done.returncode) == ("tiny: echo a b\n", 3)


def test_an_image_that_is_missing_fails_the_rollout(plane: ControlPlane) -> None:
    plane.answer(MISSING)
    plane.apply(deployment("tiny:missing"))
    done = plane.kubectl("rollout", "status", "deployment/tiny", "--timeout=60s", check=False)
    assert "exceeded its progress deadline" in done.stderr
    assert "ImagePullBackOff" in plane.kubectl("get", "pods").stdout


def test_a_key_that_is_missing_keeps_a_pod_from_starting(plane: ControlPlane) -> None:
    wanted = {"name": "tiny", "key": "colour"}
    env = [{"name": "COLOUR", "valueFrom": {"configMapKeyRef": wanted}}]
    plane.apply(deployment("tiny:1", env=env))
    until(lambda: "CreateContainerConfigError" in plane.kubectl("get", "pods").stdout)
    plane.kubectl("create", "configmap", "tiny", "--from-literal", "colour=red")
    plane.kubectl("rollout", "status", "deployment/tiny", "--timeout=60s")


@pytest.mark.parametrize(("code", "condition"), [(0, "Complete"), (1, "Failed")])
def test_a_job_ends_as_its_container_does(plane: ControlPlane, code: int, condition: str) -> None:
    plane.answer(f'#!/bin/sh\n[ "$1" = run ] && exit {code}\nexit 0\n')
    container = {"name": "tiny", "image": "tiny:1", "command": ["sh", "-c", "true"]}
    pod = {"containers": [container], "restartPolicy": "Never"}
    spec = {"backoffLimit": 0, "template": {"spec": pod}}
    plane.apply(
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "tiny"}, "spec": spec}
    )
    plane.kubectl("wait", f"--for=condition={condition}", "job/tiny", "--timeout=60s")


def test_a_claim_of_the_standard_class_is_bound(plane: ControlPlane) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    meta = {"name": "tiny"}
    kind = "PersistentVolumeClaim"
    plane.apply({"apiVersion": "v1", "kind": kind, "metadata": meta, "spec": spec})
    plane.kubectl("wait", "--for=jsonpath={.status.phase}=Bound", "pvc/tiny", "--timeout=60s")


def test_somebody_without_rights_is_refused(plane: ControlPlane) -> None:
    refused = plane.kubectl("get", "pods", user=NOBODY, check=False)
    assert 'User "nobody" cannot list resource "pods"' in refused.stderr
