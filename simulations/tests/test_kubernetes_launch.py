"""Launches on Kubernetes: nothing is launched twice or orphaned, wherever a controller dies."""

import base64
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from simulations.backends.base import Job
from simulations.backends.kubernetes import client
from simulations.backends.kubernetes.backend import KubernetesBackend
from simulations.exceptions import BackendError
from tests.support.kubernetes_api import Call, Failure, KubernetesApi

SPACE = "robot-agents"
JOB = Job(
    execution=7,
    stage_run=9,
    units=3,
    retries=1,
    token="the-token",  # noqa: S106
    server="http://server/api/v1",
    image="agent:1",
    requested="2026-01-01T00:00:00",
)
WRITES = {"POST", "PATCH"}


@pytest.fixture
def backend(kubernetes_api: KubernetesApi, monkeypatch: pytest.MonkeyPatch) -> KubernetesBackend:
    monkeypatch.setattr(client, "RETRY_SECONDS", 60)
    monkeypatch.setattr(client, "AWAY_SECONDS", 0)
    return KubernetesBackend()


def check_launched_once(api: KubernetesApi, handle: str) -> None:
    (job,) = api.objects.list("jobs", SPACE)
    (secret,) = api.objects.list("secrets", SPACE)
    assert job["metadata"]["uid"] == handle
    assert [row["uid"] for row in secret["metadata"]["ownerReferences"]] == [handle]
    assert base64.b64decode(secret["data"]["token"]) == b"the-token"
    added = [change for change in api.objects.changes if change.type == "ADDED"]
    assert [change.kind for change in added] == ["secrets", "jobs"]


def test_a_second_launch_finds_the_first(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi
) -> None:
    handle = backend.launch(JOB)
    assert backend.launch(JOB) == handle
    check_launched_once(kubernetes_api, handle)


def test_the_token_is_in_no_log_of_a_job() -> None:
    assert JOB.token not in repr(JOB)


def test_two_controllers_launch_once(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi
) -> None:
    kubernetes_api.fail = lambda _call: time.sleep(0.05)  # so that their calls alternate
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(backend.launch, (JOB, JOB))
    assert first == second
    check_launched_once(kubernetes_api, first)


@pytest.mark.parametrize("writes", range(3))
def test_a_controller_killed_between_its_steps_is_followed_by_another(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi, writes: int
) -> None:
    done: list[Call] = []

    def fail_after_writes(call: Call) -> Failure | None:
        if call.method in WRITES:
            done.append(call)
        return Failure(403) if len(done) > writes else None

    kubernetes_api.fail = fail_after_writes
    with pytest.raises(BackendError):
        backend.launch(JOB)
    kubernetes_api.fail = lambda _call: None
    check_launched_once(kubernetes_api, backend.launch(JOB))


@pytest.mark.parametrize("lost", range(3))
def test_an_answer_that_is_lost_launches_nothing_twice(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi, lost: int
) -> None:
    calls: list[Call] = []

    def lose_one(call: Call) -> Failure | None:
        calls.append(call)
        return Failure(504, performed=True) if len(calls) == lost + 1 else None

    kubernetes_api.fail = lose_one
    check_launched_once(kubernetes_api, backend.launch(JOB))


@pytest.mark.parametrize("kind", ["jobs", "secrets"])
def test_a_foreign_object_of_that_name_is_left_alone(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi, kind: str
) -> None:
    foreign = {"metadata": {"name": JOB.name}, "data": {"token": "theirs"}}
    before = dict(kubernetes_api.objects.create(kind, SPACE, foreign))
    with pytest.raises(BackendError, match=f"kubectl -n {SPACE} delete {kind[:-1]} {JOB.name}"):
        backend.launch(JOB)
    backend.remove(JOB)
    assert kubernetes_api.objects.list(kind, SPACE) == [before]


@pytest.mark.parametrize(
    "change",
    [{"requested": "2025-01-01T00:00:00"}, {"server": "http://another/api/v1"}],
)
def test_a_job_of_an_earlier_database_or_another_installation_is_not_taken_over(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi, change: dict[str, Any]
) -> None:
    handle = backend.launch(replace(JOB, **change))
    with pytest.raises(BackendError, match="did not create"):
        backend.launch(JOB)
    check_launched_once(kubernetes_api, handle)


def test_a_namespace_that_is_gone_is_named(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi
) -> None:
    kubernetes_api.objects.namespaces.clear()
    with pytest.raises(BackendError, match=r"robot-agents.* not found.*AGENT_NAMESPACE"):
        backend.launch(JOB)


def test_a_refusal_of_the_cluster_is_told(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi
) -> None:
    kubernetes_api.fail_times(1, Failure(403, "exceeded quota: robot-agents"), "POST")
    with pytest.raises(BackendError, match="exceeded quota: robot-agents") as error:
        backend.launch(JOB)
    assert error.value.code == "QUOTA_EXCEEDED"
