"""Tests of links on Kubernetes: a pod of its own, which is removed whatever happens."""

import re
from typing import Any

import pytest

from agent.protocol import Link, ProbeCode, ProbeResult, decode, encode
from simulations.backends.base import Placement, Toleration
from simulations.backends.kubernetes.backend import KubernetesBackend
from simulations.exceptions import BackendError
from tests.support.kubernetes_api import Call, Failure, KubernetesApi

SPACE = "robot-agents"
PLACEMENT = Placement({"site": "north"}, (Toleration("robots", "Exists"),))
LINK = Link(transport="zenoh", endpoint="tcp/router:7447", secret="site-7")  # noqa: S106
SECONDS = 2.0
"""Time of a test whose pod never ends; it is looked at once at least, also on a busy machine."""
RESULT = ProbeResult(reachable=True, code=ProbeCode.REACHED, text="", round_trip_ms=1.5)


def run_pods(api: KubernetesApi, status: dict[str, Any]) -> None:
    """Let the pod of each test have this status as soon as somebody looks."""

    def create_pod(call: Call) -> None:
        if call.method == "GET" and not api.objects.list("pods", SPACE):
            (job,) = api.objects.list("jobs", SPACE)
            name = job["metadata"]["name"]
            metadata = {
                "name": name,
                "labels": {"batch.kubernetes.io/job-name": name},
                "ownerReferences": [{"uid": job["metadata"]["uid"]}],
            }
            api.objects.create("pods", SPACE, {"metadata": metadata, "status": status})

    api.fail = create_pod


def container(**state: Any) -> dict[str, Any]:
    return {"containerStatuses": [{"state": state}]}


def created(api: KubernetesApi) -> dict[str, Any]:
    (change,) = (row for row in api.objects.changes if (row.kind, row.type) == ("jobs", "ADDED"))
    return change.object


def test_the_result_is_what_the_pod_said(kubernetes_api: KubernetesApi) -> None:
    ended = container(terminated={"exitCode": 0, "message": encode(RESULT).decode()})
    run_pods(kubernetes_api, ended)
    assert KubernetesBackend().probe(LINK, PLACEMENT, 60) == RESULT
    (pod,) = created(kubernetes_api)["spec"]["template"]["spec"]["containers"]
    variables = {row["name"]: row["value"] for row in pod["env"]}
    assert pod["args"] == ["probe"]
    assert decode(variables["ROBOTSIM_LINK"], Link) == LINK
    assert kubernetes_api.objects.list("jobs", SPACE) == []
    assert kubernetes_api.objects.list("pods", SPACE) == []


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (container(waiting={"reason": "ErrImagePull", "message": "no such tag"}), "no such tag"),
        (
            {
                "conditions": [
                    {"type": "PodScheduled", "status": "False", "message": "0/3 nodes available"}
                ]
            },
            "0/3 nodes available",
        ),
        (container(terminated={"exitCode": 137, "message": "Killed"}), "exit code 137"),
    ],
)
def test_a_pod_that_cannot_test_says_why(
    kubernetes_api: KubernetesApi, status: dict[str, Any], reason: str
) -> None:
    run_pods(kubernetes_api, status)
    with pytest.raises(BackendError, match=reason):
        KubernetesBackend().probe(LINK, PLACEMENT, SECONDS)
    assert kubernetes_api.objects.list("jobs", SPACE) == []


NO_SECRET = 'MountVolume.SetUp failed for volume "mec": secret "site-7" not found'  # noqa: S105
QUOTA = "Error creating: pods is forbidden: exceeded quota: robot-agents"


@pytest.mark.parametrize(("kind", "sentence"), [("pods", NO_SECRET), ("jobs", QUOTA)])
def test_what_only_events_tell_is_said(
    kubernetes_api: KubernetesApi, kind: str, sentence: str
) -> None:
    if kind == "pods":
        run_pods(kubernetes_api, container(waiting={"reason": "ContainerCreating"}))

    create_pod, objects = kubernetes_api.fail, kubernetes_api.objects

    def warn(call: Call) -> None:
        create_pod(call)
        if call.kind == "events":
            (about,) = objects.list(kind, SPACE)
            told = {about["metadata"]["uid"]: sentence, "another": "of another"}
            for uid, text in told.items():
                warning = {"message": text, "type": "Warning", "involvedObject": {"uid": uid}}
                objects.create("events", SPACE, {"metadata": {"name": uid}, **warning})

    kubernetes_api.fail = warn
    with pytest.raises(BackendError, match=re.escape(sentence)):
        KubernetesBackend().probe(LINK, PLACEMENT, SECONDS)


def test_a_test_that_runs_too_long_was_not_answered(kubernetes_api: KubernetesApi) -> None:
    run_pods(kubernetes_api, container(running={}))
    assert KubernetesBackend().probe(LINK, PLACEMENT, SECONDS).code is ProbeCode.NO_ANSWER_IN_TIME
    assert kubernetes_api.objects.list("jobs", SPACE) == []


def test_a_test_that_could_not_be_removed_keeps_its_result(kubernetes_api: KubernetesApi) -> None:
    ended = container(terminated={"exitCode": 0, "message": encode(RESULT).decode()})
    run_pods(kubernetes_api, ended)
    create_pod = kubernetes_api.fail
    kubernetes_api.fail = lambda call: Failure(403) if call.method == "DELETE" else create_pod(call)
    backend = KubernetesBackend()
    assert backend.probe(LINK, PLACEMENT, 60) == RESULT
    kubernetes_api.fail = lambda _call: None
    assert backend.remove_others(list) == 1  # by the clock of the stub it is old
    assert kubernetes_api.objects.list("jobs", SPACE) == []
