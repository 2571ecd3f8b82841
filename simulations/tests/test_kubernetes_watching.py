"""Watches of a cluster over real HTTP: what is observed stays true whatever happens to their streams."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from simulations.backends.base import UnitState, UnitStatus
from simulations.backends.kubernetes import client, watching
from simulations.backends.kubernetes.backend import KubernetesBackend
from simulations.exceptions import BackendError
from simulations.tests.cluster_objects import JOB, ended, event, job, pod
from tests.support.kubernetes_api import Call, Failure, KubernetesApi

SPACE = "robot-agents"
KINDS = {"jobs", "pods", "events"}
FAILED = {"phase": "Failed", "containerStatuses": [{"state": ended(137, "OOMKilled")}]}


@pytest.fixture
def backend(kubernetes_api: KubernetesApi, monkeypatch: pytest.MonkeyPatch) -> KubernetesBackend:
    """A backend whose watches lose no time; the Job and two pods exist."""
    monkeypatch.setattr(client, "RETRY_SECONDS", 0.1)
    monkeypatch.setattr(client, "AWAY_SECONDS", 0)
    monkeypatch.setattr(client, "TIMEOUT", 60)  # nor repeat a call of a busy machine
    monkeypatch.setattr(watching, "STREAM_SECONDS", 600)
    monkeypatch.setattr(watching, "STALE_SECONDS", 1.0)
    monkeypatch.setattr(watching, "FIRST_DELAY", 0.05)
    monkeypatch.setattr(watching, "LAST_DELAY", 0.2)
    kubernetes_api.objects.create("jobs", SPACE, job())
    for index in range(2):
        kubernetes_api.objects.create("pods", SPACE, named(index))
    return KubernetesBackend()


def named(index: int) -> dict[str, Any]:
    """A running pod that is called by its index."""
    raw = pod(f"uid-{index}", index)
    raw["metadata"]["name"] = f"pod-{index}"
    return raw


def observe(backend: KubernetesBackend) -> list[UnitStatus]:
    return backend.observe(JOB, retry=True)


def states(backend: KubernetesBackend) -> list[UnitState]:
    return [unit.state for unit in observe(backend)]


def until(condition: Callable[[], Any]) -> Any:
    """Wait for a condition; errors of the backend count as not yet."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if value := condition():
                return value
        except BackendError:
            pass
        time.sleep(0.02)
    raise AssertionError("it never came to be")


def fail_pod(api: KubernetesApi, index: int) -> None:
    api.objects.patch("pods", SPACE, f"pod-{index}", {"status": FAILED})


def lists(api: KubernetesApi) -> list[Call]:
    return [call for call in api.calls if call.method == "GET" and not call.is_watch]


def watches(api: KubernetesApi, kind: str = "pods") -> list[Call]:
    return [call for call in api.calls if call.is_watch and call.kind == kind]


def complaint(backend: KubernetesBackend) -> str:
    """Wait until observations fail; their sentence."""

    def refused() -> str:
        try:
            observe(backend)
        except BackendError as error:
            return str(error)
        return ""

    return str(until(refused))


ALIVE = [UnitState.ALIVE, UnitState.ALIVE, UnitState.PENDING]


def until_watched(backend: KubernetesBackend, api: KubernetesApi) -> None:
    """Wait until all kinds are listed and watched, and the units are seen."""
    until(lambda: states(backend) == ALIVE)
    until(lambda: {call.kind for call in api.calls if call.is_watch} == KINDS)


def test_one_list_and_one_watch_per_kind(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi
) -> None:
    """Neither pods nor observations make calls; other backends of the process share the watches."""
    until_watched(backend, kubernetes_api)
    for number in range(2, 60):
        kubernetes_api.objects.create("pods", SPACE, named(number))
    until(lambda: states(backend)[2] is UnitState.ALIVE)
    for number in range(60):
        fail_pod(kubernetes_api, number)
    until(lambda: observe(KubernetesBackend())[2].ended == {"uid-2": "OUT_OF_MEMORY"})
    assert sorted(call.kind for call in lists(kubernetes_api)) == sorted(KINDS)
    assert {call.kind for call in kubernetes_api.calls if call.is_watch} == KINDS
    assert len(kubernetes_api.calls) == 2 * len(KINDS)


def test_a_cut_stream_goes_on_where_it_was(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi
) -> None:
    until_watched(backend, kubernetes_api)
    kubernetes_api.end_streams()
    fail_pod(kubernetes_api, 0)
    until(lambda: observe(backend)[0].ended)
    assert len(lists(kubernetes_api)) == len(KINDS), "nothing is listed again"


def test_bookmarks_keep_a_quiet_watch_young(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi
) -> None:
    until_watched(backend, kubernetes_api)
    objects = kubernetes_api.objects
    for number in range(5):
        objects.create("secrets", SPACE, {"metadata": {"name": f"secret-{number}"}})
    newest = objects.version

    def resumed() -> bool:
        """Streams end until each, which has brought no change, begins at the newest version."""
        kubernetes_api.end_streams()
        time.sleep(0.3)
        latest = [watches(kubernetes_api, kind)[-1] for kind in KINDS]
        return {call.parameters["resourceVersion"] for call in latest} == {str(newest)}

    until(resumed)
    objects.forget()
    kubernetes_api.end_streams()
    fail_pod(kubernetes_api, 1)
    until(lambda: observe(backend)[1].ended)
    assert len(lists(kubernetes_api)) == len(KINDS), "the history before the bookmark is not needed"


def test_too_old_a_version_in_a_stream_lists_again(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi
) -> None:
    until_watched(backend, kubernetes_api)
    kubernetes_api.stop()
    fail_pod(kubernetes_api, 0)
    kubernetes_api.objects.delete("pods", SPACE, "pod-1")
    kubernetes_api.objects.forget()
    kubernetes_api.start()
    until(lambda: observe(backend)[0].ended == {"uid-0": "OUT_OF_MEMORY"})
    until(lambda: observe(backend)[1].ended == {"uid-1": "TERMINATED"})


def test_too_old_a_version_as_answer_lists_again(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi
) -> None:
    until_watched(backend, kubernetes_api)
    kubernetes_api.fail = lambda call: Failure(410) if call.is_watch else None
    kubernetes_api.end_streams()
    until(lambda: len(lists(kubernetes_api)) > 3 * len(KINDS))
    kubernetes_api.fail = lambda _call: None
    fail_pod(kubernetes_api, 0)
    until(lambda: observe(backend)[0].ended)


def test_the_api_is_away_and_comes_back(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi
) -> None:
    until_watched(backend, kubernetes_api)
    kubernetes_api.stop()
    until(lambda: "cannot be reached" in complaint(backend))
    assert "cannot be reached" in backend.problem()
    fail_pod(kubernetes_api, 0)
    kubernetes_api.start()
    until(lambda: observe(backend)[0].ended)
    assert len(lists(kubernetes_api)) == len(KINDS)
    until(lambda: backend.problem() == "")


def test_the_api_is_away_at_first(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "FIRST_SECONDS", 0.3)
    kubernetes_api.stop()
    assert complaint(backend)
    kubernetes_api.start()
    until_watched(backend, kubernetes_api)


def test_a_busy_api_is_left_in_peace(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi
) -> None:
    until_watched(backend, kubernetes_api)
    kubernetes_api.fail = lambda _call: Failure(429, headers={"Retry-After": "3600"})
    kubernetes_api.end_streams()
    until(lambda: "429" in complaint(backend))
    assert len(watches(kubernetes_api)) <= 2, "the time that it asks for is not over"


def test_no_watch_is_blind_for_a_day(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    until_watched(backend, kubernetes_api)
    monkeypatch.setattr(client, "MAX_RETRY_AFTER", 0.1)
    kubernetes_api.fail_times(6, Failure(429, headers={"Retry-After": "86400"}))
    kubernetes_api.end_streams()
    fail_pod(kubernetes_api, 0)
    until(lambda: observe(backend)[0].ended)


def test_an_error_that_passes(backend: KubernetesBackend, kubernetes_api: KubernetesApi) -> None:
    until_watched(backend, kubernetes_api)
    kubernetes_api.fail_times(6, Failure(503))
    kubernetes_api.end_streams()
    fail_pod(kubernetes_api, 0)
    until(lambda: observe(backend)[0].ended)


def test_an_answer_that_does_not_come(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi
) -> None:
    until_watched(backend, kubernetes_api)
    answer = threading.Event()

    def wait(_call: Call) -> None:
        answer.wait(60)

    kubernetes_api.fail = wait
    kubernetes_api.end_streams()
    assert "does not answer" in complaint(backend)
    answer.set()
    until_watched(backend, kubernetes_api)


def test_events_only_explain(backend: KubernetesBackend, kubernetes_api: KubernetesApi) -> None:
    """Without the right to read them units are observed all the same."""
    kubernetes_api.fail = lambda call: Failure(403) if call.kind == "events" else None
    until(lambda: states(backend) == ALIVE)
    kubernetes_api.fail = lambda _call: None
    refused = event("job-uid", "FailedCreate", "Error creating: exceeded quota: agents")
    refused["metadata"]["name"] = "refused"
    kubernetes_api.objects.create("events", SPACE, refused)
    until(lambda: observe(backend)[2].failure == "QUOTA_EXCEEDED")


def test_a_job_of_somebody_else(backend: KubernetesBackend, kubernetes_api: KubernetesApi) -> None:
    foreign = {"metadata": {"annotations": {"robotsim.io/server": "http://another"}}}
    kubernetes_api.objects.patch("jobs", SPACE, JOB.name, foreign)
    until(lambda: states(backend) == [UnitState.ABSENT] * 3)
    kubernetes_api.objects.delete("jobs", SPACE, JOB.name)
    until(lambda: states(backend) == [UnitState.ABSENT] * 3)


def test_an_object_of_another_form_ends_no_watch(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi
) -> None:
    until_watched(backend, kubernetes_api)
    kubernetes_api.objects.patch("pods", SPACE, "pod-1", {"status": {"conditions": "none"}})
    fail_pod(kubernetes_api, 0)
    until(lambda: observe(backend)[0].ended)


def test_a_message_with_other_ends_of_lines_ends_no_watch(
    backend: KubernetesBackend, kubernetes_api: KubernetesApi
) -> None:
    """The API escapes no U+0085, which a container may print as its last words."""
    until_watched(backend, kubernetes_api)
    words = ended(137, "OOMKilled", "\x85 and \x85")
    status = {"phase": "Failed", "containerStatuses": [{"state": words}]}
    kubernetes_api.objects.patch("pods", SPACE, "pod-1", {"status": status})
    until(lambda: observe(backend)[1].ended)
