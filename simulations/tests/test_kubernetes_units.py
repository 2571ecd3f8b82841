"""States of units in the view of the cluster."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from simulations.backends.base import UnitState, UnitStatus
from simulations.backends.kubernetes.units import OVERDUE_SECONDS
from simulations.backends.kubernetes.view import View
from simulations.tests.cluster_objects import JOB, ended, event, job, pod

QUOTA = "Error creating: pods is forbidden: exceeded quota: agents"
OOM = ended(137, "OOMKilled")


def observed(view: View, *, retry: bool = True) -> list[UnitStatus]:
    seen = view.job(JOB.name)
    assert seen is not None
    return seen.units(JOB.units, retry=retry)


@pytest.fixture
def view() -> View:
    view = View()
    view.jobs.replace([job()])
    return view


def states(units: list[UnitStatus]) -> list[UnitState]:
    return [unit.state for unit in units]


def test_units_without_pods_are_pending(view: View) -> None:
    assert observed(view) == [UnitStatus(n, UnitState.PENDING) for n in range(3)]


def test_units_follow_their_pods(view: View) -> None:
    view.pods.apply("ADDED", pod("a", 0))
    view.pods.apply("ADDED", pod("b", 1, "Pending", PodScheduled=("Unschedulable", "no room")))
    view.pods.apply("ADDED", pod("c", 2, "Succeeded"))
    running, waiting, completed = observed(view)
    assert running == UnitStatus(0, UnitState.ALIVE, 1)
    assert waiting == UnitStatus(1, UnitState.PENDING, 1, "UNSCHEDULABLE", reason="no room")
    assert completed == UnitStatus(2, UnitState.ENDED, 1)


def test_a_unit_runs_since_its_newest_process_started(view: View) -> None:
    view.pods.apply("ADDED", pod("a", 0, "Failed", state=OOM))
    running = {"running": {"startedAt": "2026-11-27T04:05:00Z"}}
    view.pods.apply("ADDED", pod("b", 0, failures=1, state=running))
    assert observed(view)[0].running_since == datetime(2026, 11, 27, 4, 5, tzinfo=UTC)
    view.pods.apply("MODIFIED", pod("b", 0, "Failed", failures=1, state=OOM))
    assert observed(view)[0].running_since is None


def test_the_indexes_of_the_job_decide(view: View) -> None:
    view.pods.replace([pod("a", 2, "Failed", state=OOM)])
    view.jobs.apply("MODIFIED", job(completed="0-1", failed="2"))
    units = observed(view)
    assert states(units) == [UnitState.ENDED, UnitState.ENDED, UnitState.FAILED]
    assert units[2].failure == "OUT_OF_MEMORY"


def test_a_failed_pod_that_is_retried(view: View) -> None:
    view.pods.apply("ADDED", pod("first", 0, "Failed", state=OOM))
    unit = observed(view)[0]
    assert unit == UnitStatus(0, UnitState.PENDING, 1, ended={"first": "OUT_OF_MEMORY"})
    assert observed(view, retry=False)[0].state is UnitState.FAILED
    view.pods.apply("ADDED", pod("second", 0, failures=1))
    assert observed(view)[0] == UnitStatus(0, UnitState.ALIVE, 2, ended={"first": "OUT_OF_MEMORY"})


def test_the_end_of_a_removed_pod_is_kept_while_its_job_exists(view: View) -> None:
    evicted = pod("a", 0, grace=30, DisruptionTarget=("EvictionByEvictionAPI", "evicting"))
    view.pods.apply("ADDED", evicted)
    assert observed(view)[0].state is UnitState.ALIVE, "it ends its recording"
    view.pods.apply("DELETED", evicted)
    assert observed(view)[0].ended == {"a": "EVICTED"}
    view.jobs.apply("DELETED", job())
    assert view.job(JOB.name) is None
    view.jobs.apply("ADDED", job())
    assert observed(view)[0].ended == {}


def test_pods_of_an_earlier_job_of_this_name_are_no_attempts_of_this_one(view: View) -> None:
    """They end in their own time after their Job was removed."""
    earlier = pod("a", 0, failures=1, job_uid="of-an-earlier-job", grace=1800)
    view.pods.replace([earlier, pod("b", 0)])
    assert observed(view)[0] == UnitStatus(0, UnitState.ALIVE, 1)
    view.pods.apply("DELETED", earlier)
    assert observed(view, retry=False)[0] == UnitStatus(0, UnitState.ALIVE, 1)


def test_why_a_pod_was_killed_is_left_to_who_did_it(
    view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another controller sees its end before that one has written it."""
    killed = pod("a", 0, "Failed", state=ended(137), grace=0)
    view.pods.apply("MODIFIED", killed)
    view.pods.apply("DELETED", killed)
    assert observed(view)[0].ended == {}
    monkeypatch.setattr("simulations.backends.kubernetes.units.KILLED_SECONDS", 0.0)
    assert observed(view)[0].ended == {"a": "TERMINATED"}


ODD: list[Any] = [
    None,
    {},
    {"metadata": None},
    {"metadata": {"name": "x", "labels": {"a": 1}}},
    {"metadata": {"name": "x"}, "status": {"conditions": [None]}},
    {"metadata": {"name": "x"}, "status": {"completedIndexes": "a-b"}},
]


@pytest.mark.parametrize("odd", ODD)
def test_an_object_of_another_form_hides_no_other(view: View, odd: Any) -> None:
    view.jobs.replace([odd, job()])
    view.pods.replace([odd, pod("a", 0)])
    view.events.replace([odd])
    for store in (view.jobs, view.pods, view.events):
        store.apply("ADDED", odd)
        store.apply("DELETED", odd)
    assert observed(view)[0].state is UnitState.ALIVE


def test_pods_that_vanished_while_nobody_watched(view: View) -> None:
    view.pods.replace([pod("a", 0), pod("b", 1, "Succeeded")])
    view.pods.replace([])
    lost, completed, _ = observed(view)
    assert (lost.state, lost.ended) == (UnitState.PENDING, {"a": "TERMINATED"})
    assert completed.state is UnitState.ENDED


def test_a_deleted_pod_that_nobody_ends_has_failed(
    view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    view.pods.apply("MODIFIED", pod("a", 0, grace=60))
    view.pods.apply("MODIFIED", pod("a", 0, grace=0))
    assert observed(view)[0].state is UnitState.ALIVE
    later = time.monotonic() + OVERDUE_SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    unit = observed(view)[0]
    assert (unit.state, unit.failure) == (UnitState.FAILED, "NODE_LOST")


def test_the_node_of_a_running_pod_does_not_answer(view: View) -> None:
    view.pods.apply("ADDED", pod("a", 0))
    view.events.apply("ADDED", event("a", "NodeNotReady", "Node is not ready"))
    unit = observed(view)[0]
    assert (unit.state, unit.failure) == (UnitState.ALIVE, "NODE_LOST")
    view.pods.apply("MODIFIED", pod("a", 0, Ready=("", "")))
    assert observed(view)[0].failure == ""


def test_the_quota_refuses_pods(view: View) -> None:
    view.pods.apply("ADDED", pod("a", 0))
    refused = event("job-uid", "FailedCreate", QUOTA)
    view.events.apply("ADDED", refused)
    assert [unit.failure for unit in observed(view)] == ["", "QUOTA_EXCEEDED", "QUOTA_EXCEEDED"]
    view.pods.apply("ADDED", younger(pod("b", 1)))
    assert observed(view)[2].failure == "", "the refusal is over"


def younger(raw: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    raw["metadata"]["creationTimestamp"] = "2026-11-27T05:00:00Z"
    return raw


def test_a_job_that_failed_as_a_whole(view: View) -> None:
    view.pods.replace([pod("a", 0, "Failed", state=ended(143)), pod("b", 1, grace=30)])
    late = ("DeadlineExceeded", "Job was active longer than specified deadline")
    view.jobs.apply("MODIFIED", job(Failed=late))
    units = observed(view)
    assert states(units) == [UnitState.FAILED, UnitState.ALIVE, UnitState.FAILED]
    assert units[0].ended == {"a": "DEADLINE_EXCEEDED"}
    assert {units[0].failure, units[2].failure} == {"DEADLINE_EXCEEDED"}


def test_a_suspended_job(view: View) -> None:
    view.jobs.apply("MODIFIED", job(suspended=True, Suspended=("JobSuspended", "Job suspended")))
    unit = observed(view)[0]
    assert (unit.state, unit.failure, unit.reason) == (
        UnitState.PENDING,
        "NOT_ADMITTED",
        "Job suspended",
    )


def test_an_unreadable_object_hides_no_others(view: View) -> None:
    bad = pod("bad", 1)
    bad["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"] = "x"
    view.pods.replace([bad, pod("a", 0)])
    assert states(observed(view)) == [UnitState.ALIVE, UnitState.PENDING, UnitState.PENDING]


def test_a_newer_event_stays(view: View) -> None:
    view.events.apply("ADDED", event("job-uid", "FailedCreate", QUOTA, "2026-11-27T04:00:09Z"))
    older = event("job-uid", "FailedCreate", "Error creating: x", "2026-11-27T04:00:01Z")
    view.events.apply("ADDED", older)
    view.events.apply("DELETED", older)
    assert observed(view)[0].reason == QUOTA
