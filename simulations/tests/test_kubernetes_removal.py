"""Units on Kubernetes are killed, and objects that nobody needs are removed."""

from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone

from simulations.backends.base import Job
from simulations.backends.kubernetes.backend import KubernetesBackend
from simulations.backends.kubernetes.site import server_address
from simulations.exceptions import BackendError
from simulations.models import Execution
from simulations.services.plan import plan_of
from simulations.services.runs import lifecycle
from simulations.services.runs.active_stage import ActiveStage
from simulations.services.runs.leftovers import remove_leftovers
from simulations.services.runs.reconcile import reconcile
from simulations.tests.conftest import Design
from tests.support.kubernetes_api import Call, Failure, KubernetesApi

SPACE = "robot-agents"
LOST = 'Get "https://10.0.0.1:10250/containerLogs": dial tcp: connect: connection refused'


@pytest.fixture
def backend(kubernetes_api: KubernetesApi) -> KubernetesBackend:
    return KubernetesBackend()


def job(execution: int, **fields: Any) -> Job:
    fields = {"server": server_address(), "requested": "then", **fields}
    return Job(execution, execution, units=3, retries=0, token="", image="agent:1", **fields)


def add_pod(api: KubernetesApi, of: Job, index: int, phase: str = "Running", **more: Any) -> None:
    """Do what the Job's controller does."""
    owner = api.objects.get("jobs", SPACE, of.name)
    template = owner["spec"]["template"]["metadata"]
    labels = {
        "batch.kubernetes.io/job-name": of.name,
        "batch.kubernetes.io/job-completion-index": str(index),
    }
    metadata = {
        **template,
        "name": f"{of.name}-{index}-{phase.lower()}",
        "labels": {**template["labels"], **labels},
        "ownerReferences": [{"uid": owner["metadata"]["uid"]}],
        **more.pop("metadata", {}),
    }
    spec = more.pop("spec", {})
    status = {"phase": phase, **more}
    api.objects.create("pods", SPACE, {"metadata": metadata, "spec": spec, "status": status})


def names(api: KubernetesApi, kind: str) -> list[str]:
    return [row["metadata"]["name"] for row in api.objects.list(kind, SPACE)]


def deletions(api: KubernetesApi, kind: str = "pods") -> list[Call]:
    return [call for call in api.calls if call.method == "DELETE" and call.kind == kind]


def test_only_the_pods_of_these_units_that_run_are_killed(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi
) -> None:
    backend.launch(job(1))
    for index in range(3):
        add_pod(kubernetes_api, job(1), index)
    add_pod(kubernetes_api, job(1), 0, "Failed")
    dying = {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 0}
    add_pod(kubernetes_api, job(1), 1, "Pending", metadata=dying)
    backend.kill(job(1), [0, 1])
    assert [
        call.name for call in sorted(deletions(kubernetes_api), key=lambda call: call.name)
    ] == [
        "execution-1-stage-1-0-running",
        "execution-1-stage-1-1-running",
    ]
    assert {call.body["gracePeriodSeconds"] for call in deletions(kubernetes_api)} == {0}


def test_a_removed_job_takes_all_that_belongs_to_it(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi
) -> None:
    backend.launch(job(1))
    backend.launch(job(2))
    add_pod(kubernetes_api, job(1), 0)
    assert backend.remove(job(1), keep_recordings=True) > 0
    assert backend.remove(job(1)) == 0
    assert [names(kubernetes_api, kind) for kind in ("jobs", "secrets", "pods")] == [
        ["execution-2-stage-2"],
        ["execution-2-stage-2"],
        [],
    ]
    assert deletions(kubernetes_api, "jobs")[0].body["propagationPolicy"] == "Background"


def test_a_secret_that_never_got_a_job_is_removed(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi
) -> None:
    kubernetes_api.fail = lambda call: Failure(403) if call.kind == "jobs" else None
    with pytest.raises(Exception, match="403"):
        backend.launch(job(1))
    kubernetes_api.fail = lambda _call: None
    assert backend.remove(job(1)) == 1
    assert names(kubernetes_api, "secrets") == []


def test_objects_of_executions_that_are_over_are_removed(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi
) -> None:
    jobs = [job(1), job(2), job(3, server="http://another-installation/api/v1")]
    for one in jobs:
        backend.launch(one)
        add_pod(kubernetes_api, one, 0)
    foreign = {"metadata": {"name": "of-somebody-else"}}
    kubernetes_api.objects.create("jobs", SPACE, foreign)
    assert backend.remove_others(lambda: [2]) == 1
    assert backend.remove_others(lambda: [2]) == 0
    kept = [jobs[1].name, jobs[2].name]
    assert names(kubernetes_api, "jobs") == [*kept, "of-somebody-else"]
    assert names(kubernetes_api, "secrets") == kept
    assert len(names(kubernetes_api, "pods")) == 2


@pytest.mark.django_db
def test_a_secret_of_an_ended_execution_that_never_got_a_job_is_removed(
    kubernetes_api: KubernetesApi, design: Design, settings: Any
) -> None:
    """Its controller was killed before it removed it; Secrets cannot be listed."""
    settings.BACKEND = "kubernetes"
    ended, active = (lifecycle.start(design(1, name=name)) for name in ("one", "other"))
    kubernetes_api.fail = lambda call: Failure(403) if call.kind == "jobs" else None
    reconcile()
    kubernetes_api.fail = lambda _call: None
    ended.stage_runs.update(status="FAILED")
    Execution.objects.filter(pk=ended.pk).update(status="FAILED", ended_at=timezone.now())
    assert len(names(kubernetes_api, "secrets")) == 2
    assert remove_leftovers() == 1
    assert names(kubernetes_api, "secrets") == [
        ActiveStage(active.stage_runs.get(), plan_of(active)).job.name
    ]
    before = len(kubernetes_api.calls)
    assert remove_leftovers() == 0
    assert {call.kind for call in kubernetes_api.calls[before:]} == {"jobs"}, (
        "it is not asked again"
    )


def test_a_job_that_cannot_be_removed_keeps_no_other(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi
) -> None:
    for execution in (1, 2):
        backend.launch(job(execution))
    denied = Failure(403, "admission webhook denied the request")
    kubernetes_api.fail = lambda call: (
        denied if call.method == "DELETE" and call.name == job(1).name else None
    )
    with pytest.raises(BackendError, match="denied"):
        backend.remove_others(list)
    assert names(kubernetes_api, "jobs") == [job(1).name]


def test_a_job_that_is_launched_meanwhile_stays(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi
) -> None:
    def launch_then_read() -> list[int]:
        backend.launch(job(5))
        return [5]

    assert backend.remove_others(launch_then_read) == 0
    assert names(kubernetes_api, "jobs") == [job(5).name]


def test_a_job_that_was_created_again_is_not_removed_for_the_earlier_one(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi
) -> None:
    backend.launch(job(1))
    again = replace(job(1), requested="later")

    def replace_it(call: Call) -> None:
        if call.method == "DELETE" and not names(kubernetes_api, "pods"):
            kubernetes_api.objects.delete("jobs", SPACE, again.name)
            kubernetes_api.fail = lambda _call: None
            backend.launch(again)

    kubernetes_api.fail = replace_it
    assert backend.remove(job(1)) == 0
    assert names(kubernetes_api, "jobs") == names(kubernetes_api, "secrets") == [again.name]


def test_pods_of_another_job_of_this_name_are_not_touched(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi
) -> None:
    """It has no unit of ours: the launch was refused, and what is given up then is nobody else's."""
    backend.launch(job(1, requested="earlier"))
    running = [{"state": {"running": {}}}]
    for index in range(3):
        add_pod(
            kubernetes_api, job(1), index, containerStatuses=running, spec={"nodeName": "other"}
        )
    simple = {"labels": {"batch.kubernetes.io/job-name": job(1).name}}  # of a Job without indexes
    add_pod(kubernetes_api, job(1), 3, metadata=simple)
    backend.kill(job(1), range(3))
    assert deletions(kubernetes_api) == []
    assert backend.last_log(job(1), 0) == ""
    kubernetes_api.fail = lambda call: Failure(500, LOST) if call.subresource == "log" else None
    assert backend.on_lost_machines(job(1), range(3)) == {}


def test_the_last_words_of_the_newest_process_are_read(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi
) -> None:
    backend.launch(job(1))
    assert backend.last_log(job(1), 0) == ""
    ended = [{"state": {"terminated": {"exitCode": 1}}}]
    old = {"creationTimestamp": "2025-01-01T00:00:00Z"}
    add_pod(kubernetes_api, job(1), 0, "Failed", containerStatuses=ended, metadata=old)
    add_pod(kubernetes_api, job(1), 0, "Succeeded", containerStatuses=ended)
    add_pod(kubernetes_api, job(1), 0, "Pending", containerStatuses=[{"state": {"waiting": {}}}])
    kubernetes_api.logs = {"execution-1-stage-1-0-succeeded": "x" * 10_000 + "the end"}
    log = backend.last_log(job(1), 0)
    assert log.endswith("the end")
    asked = [call.parameters.get("labelSelector", "") for call in kubernetes_api.calls[-2:]]
    assert asked[0].endswith("index=0"), "a Job may have thousands of pods"
    assert len(log) == 4096


def test_silent_units_whose_node_does_not_answer(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi
) -> None:
    backend.launch(job(1))
    running = [{"state": {"running": {}}}]
    for index, node in enumerate(("lost", "lost", "other")):
        spec = {"nodeName": node}
        add_pod(kubernetes_api, job(1), index, containerStatuses=running, spec=spec)
    before = {"creationTimestamp": "2025-01-01T00:00:00Z"}
    add_pod(
        kubernetes_api,
        job(1),
        2,
        "Unknown",  # sorted after the one that runs now
        containerStatuses=running,
        spec={"nodeName": "lost"},
        metadata=before,
    )

    def fail(call: Call) -> Failure | None:
        asked_lost = call.subresource == "log" and not call.name.endswith("-2-running")
        return Failure(500, LOST) if asked_lost else None

    kubernetes_api.fail = fail
    before = len(kubernetes_api.calls)
    lost = backend.on_lost_machines(job(1), [1, 0, 2])
    assert lost == dict.fromkeys([1, 0], "The node lost does not answer the cluster's API.")
    assert len(kubernetes_api.calls) - before == 3  # the pods, and each node once
    throttled = Failure(429, headers={"Retry-After": "1"})
    kubernetes_api.fail = lambda call: throttled if call.subresource == "log" else None
    with pytest.raises(BackendError, match="429"):
        backend.on_lost_machines(job(1), [0, 2])
    broken = Failure(500, "failed to try resolving symlinks")  # of a node that answers
    kubernetes_api.fail = lambda call: broken if call.subresource == "log" else None
    assert backend.on_lost_machines(job(1), [0, 2]) == {}
