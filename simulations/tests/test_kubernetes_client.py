"""Calls of the cluster's API while it is away, throttled, slow, or refuses."""

import time
from pathlib import Path
from typing import Any

import pytest

from simulations.backends.kubernetes import client
from simulations.backends.kubernetes.client import Cluster
from simulations.backends.kubernetes.errors import (
    ConflictError,
    ForbiddenError,
    GoneError,
    NoClusterError,
    NotFoundError,
)
from simulations.exceptions import BackendError
from tests.support.kubernetes_api import Call, Failure, KubernetesApi

SPACE = "robot-agents"
WITHOUT_USER = """
current-context: c
clusters: [{name: c, cluster: {server: "http://localhost"}}]
contexts: [{name: c, context: {cluster: c}}]
"""
POD = {"metadata": {"name": "pod"}}


@pytest.fixture
def cluster(kubernetes_api: KubernetesApi) -> Cluster:
    return Cluster()


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The API answers in time, however slow the machine is."""
    monkeypatch.setattr(client, "RETRY_SECONDS", 60)
    monkeypatch.setattr(client, "TIMEOUT", 60)


@pytest.fixture
def impatient(unhurried: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up soon; the times are no matter of the rules."""
    monkeypatch.setattr(client, "RETRY_SECONDS", 2)


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_a_failure_that_passes_is_not_seen(
    cluster: Cluster, kubernetes_api: KubernetesApi, code: int
) -> None:
    kubernetes_api.fail_times(2, Failure(code))
    assert cluster.create("pods", SPACE, POD)["metadata"]["uid"]
    assert len(kubernetes_api.calls) == 3


def test_it_waits_as_long_as_the_api_asks(cluster: Cluster, kubernetes_api: KubernetesApi) -> None:
    kubernetes_api.fail_times(1, Failure(429, headers={"Retry-After": "1"}))
    started = time.monotonic()
    cluster.create("pods", SPACE, POD)
    assert time.monotonic() - started >= 1


@pytest.mark.parametrize("seconds", ["86400", "inf"])
def test_it_waits_no_longer_than_it_must(
    cluster: Cluster, kubernetes_api: KubernetesApi, monkeypatch: pytest.MonkeyPatch, seconds: str
) -> None:
    monkeypatch.setattr(client, "MAX_RETRY_AFTER", 0.1)
    kubernetes_api.fail_times(1, Failure(503, headers={"Retry-After": seconds}))
    assert cluster.create("pods", SPACE, POD)["metadata"]["uid"]


@pytest.mark.usefixtures("impatient")
def test_a_longer_throttling_fails_at_once_and_further_calls_with_it(
    cluster: Cluster, kubernetes_api: KubernetesApi
) -> None:
    kubernetes_api.fail_times(10, Failure(429, "too many requests", headers={"Retry-After": "60"}))
    for _call in range(2):
        with pytest.raises(BackendError, match="too many requests"):
            cluster.create("pods", SPACE, POD)
    assert len(kubernetes_api.calls) == 1


@pytest.mark.usefixtures("impatient")
def test_a_failure_that_stays_is_an_error(
    cluster: Cluster, kubernetes_api: KubernetesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "AWAY_SECONDS", 60)
    kubernetes_api.fail_times(100, Failure(500, "etcd is away"))
    with pytest.raises(BackendError, match="etcd is away"):
        cluster.get("pods", SPACE, "pod")
    first = len(kubernetes_api.calls)
    assert 1 < first < 100
    with pytest.raises(BackendError, match="etcd is away"):
        cluster.get("pods", SPACE, "another")
    assert len(kubernetes_api.calls) == first + 1, "many calls of a pass would take all its time"


@pytest.mark.usefixtures("impatient")
def test_an_api_that_is_away_is_an_error_until_it_is_back(
    cluster: Cluster, kubernetes_api: KubernetesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "AWAY_SECONDS", 0)
    kubernetes_api.stop()
    with pytest.raises(BackendError, match="cannot be reached"):
        cluster.list_raw("pods", SPACE)
    kubernetes_api.start()
    assert cluster.list_raw("pods", SPACE) == ([], "0")


@pytest.mark.usefixtures("impatient")
def test_an_api_that_does_not_answer_is_an_error(
    kubernetes_api: KubernetesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "TIMEOUT", 0.3)

    def sleep(_call: Call) -> None:
        time.sleep(1)

    cluster, kubernetes_api.fail = Cluster(), sleep
    with pytest.raises(BackendError, match="does not answer in time"):
        cluster.list_raw("pods", SPACE)


@pytest.mark.parametrize(
    ("code", "error"),
    [(403, ForbiddenError), (404, NotFoundError), (410, GoneError)],
)
def test_a_refusal_is_not_repeated(
    cluster: Cluster, kubernetes_api: KubernetesApi, code: int, error: type[BackendError]
) -> None:
    kubernetes_api.fail_times(5, Failure(code, "why"))
    with pytest.raises(error, match="why"):
        cluster.get("pods", SPACE, "pod")
    assert len(kubernetes_api.calls) == 1


def test_a_conflict_that_is_not_about_the_object_passes(
    cluster: Cluster, kubernetes_api: KubernetesApi
) -> None:
    quota = "Operation cannot be fulfilled on resourcequotas: the object has been modified"
    kubernetes_api.fail_times(1, Failure(409, quota, "Conflict"))
    cluster.create("pods", SPACE, POD)
    with pytest.raises(ConflictError, match="already exists"):
        cluster.create("pods", SPACE, POD)


def test_a_token_that_was_rotated_is_read_again(
    cluster: Cluster, kubernetes_api: KubernetesApi, tmp_path: Path
) -> None:
    cluster.list_raw("pods", SPACE)
    kubernetes_api.rotate_token(tmp_path / "token")
    cluster.list_raw("pods", SPACE)
    _objects, version = cluster.list_raw("pods", SPACE)
    kubernetes_api.rotate_token(tmp_path / "token")
    kubernetes_api.objects.create("pods", SPACE, {**POD})
    assert next(cluster.watch_raw("pods", SPACE, version))


def test_no_error_names_a_token(
    cluster: Cluster, kubernetes_api: KubernetesApi, capsys: pytest.CaptureFixture[str]
) -> None:
    old = kubernetes_api.token
    kubernetes_api.rotate_token()
    with pytest.raises(BackendError, match="service account") as error:
        cluster.create("secrets", SPACE, {"stringData": {"token": "unit-token"}, **POD})
    said = f"{error.value}{error.value.__cause__!r}{capsys.readouterr()}"
    assert old not in said
    assert "unit-token" not in said


def test_a_token_file_that_is_gone_is_an_error(
    cluster: Cluster, tmp_path: Path, kubernetes_api: KubernetesApi
) -> None:
    (tmp_path / "token").unlink()
    with pytest.raises(BackendError, match="credentials"):
        cluster.list_raw("pods", SPACE)


def test_a_process_outside_a_cluster_has_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(NoClusterError, match="set KUBECONFIG"):
        Cluster()


@pytest.mark.parametrize("text", ["", "{", "[]", "clusters: 1", WITHOUT_USER])
def test_a_configuration_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (tmp_path / "config").write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with pytest.raises(NoClusterError, match="set KUBECONFIG"):
        Cluster()


def test_lists_are_read_in_pages(
    cluster: Cluster, kubernetes_api: KubernetesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PAGE_SIZE", 2)
    for number in range(5):
        kubernetes_api.objects.create("pods", SPACE, {"metadata": {"name": f"pod-{number}"}})
    objects, version = cluster.list_raw("pods", SPACE)
    assert [row["metadata"]["name"] for row in objects] == [f"pod-{number}" for number in range(5)]
    assert version == "5"
    assert len(kubernetes_api.calls) == 3


def test_a_version_that_is_forgotten_is_gone(
    cluster: Cluster, kubernetes_api: KubernetesApi
) -> None:
    _objects, version = cluster.list_raw("pods", SPACE)
    kubernetes_api.objects.create("pods", SPACE, {**POD})
    kubernetes_api.objects.forget()
    with pytest.raises(GoneError):
        list(cluster.watch_raw("pods", SPACE, version))


@pytest.mark.parametrize("answer", ["<html>a proxy's page</html>", [], {}, None])
def test_an_answer_of_something_else_is_an_error(
    cluster: Cluster, kubernetes_api: KubernetesApi, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    monkeypatch.setattr(kubernetes_api, "perform", lambda _call: answer)
    with pytest.raises(BackendError, match="not the API of a cluster"):
        cluster.list_raw("pods", SPACE)
