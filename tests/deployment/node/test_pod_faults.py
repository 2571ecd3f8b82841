"""What happens to pods: what a user sees of it, how the execution ends, and that nothing is left.

The faults are printed as a table at the end.
"""

from collections.abc import Iterator

import pytest

from tests.deployment.node.faults import (
    ONE,
    Fault,
    evict,
    kill_unit,
    meet,
    play,
    print_table,
    use_up_memory,
)
from tests.deployment.node.pod_runs import NAMESPACE, PodRuns


@pytest.fixture(scope="module")
def table(request: pytest.FixtureRequest) -> Iterator[list[Fault]]:
    """The faults so far; printed at the end."""
    rows: list[Fault] = []
    yield rows
    print_table(request.config, rows)


def test_image_that_is_not_there(pods: PodRuns, table: list[Fault]) -> None:
    image = pods.world.environment["AGENT_IMAGE"]
    pods.drive("take_image", "docker.io/library/nobody-has-this:1")
    execution = pods.drive("start", "image", "sequential", [ONE])
    pods.drive("take_image", image)
    fault = meet(pods, "image is absent", "IMAGE_PULL_FAILED", execution, lambda: None)
    fault.result = pods.ended(execution)
    table.append(fault)
    assert fault.result["failure"] == "IMAGE_PULL_FAILED"
    assert fault.result["left"] == []


def test_memory_beyond_the_limit(pods: PodRuns, table: list[Fault]) -> None:
    execution = pods.drive("start", "memory", "sequential", [ONE])
    play(pods, execution)
    (pod,) = pods.running(execution)
    fault = meet(
        pods, "memory beyond its limit", "OUT_OF_MEMORY", execution, lambda: use_up_memory(pod)
    )
    fault.result = pods.ended(execution)
    table.append(fault)
    assert fault.result["failure"] == "OUT_OF_MEMORY"
    assert fault.result["left"] == []


def test_no_node_fits_until_one_does(pods: PodRuns, table: list[Fault]) -> None:
    pods.drive("place", {"place": "lab"})
    execution = pods.drive("start", "place", "sequential", [ONE | {"repeat_count": 1}])
    pods.drive("place", {})
    fault = meet(pods, "no node fits, later one does", "UNSCHEDULABLE", execution, lambda: None)
    (waiting,) = pods.drive("shown", execution)["waiting"]
    assert "node" in waiting["reason"]  # the scheduler's own sentence
    node = pods.cluster.node.name
    pods.cluster.kubectl("label", "node", node, "place=lab")
    fault.result = pods.ended(execution)
    pods.cluster.kubectl("label", "node", node, "place-")
    table.append(fault)
    assert fault.result["status"] == "COMPLETED"
    assert fault.result["left"] == []


def test_eviction_by_the_api(pods: PodRuns, table: list[Fault]) -> None:
    """It costs no retry, what was recorded is stored, and another pod plays everything."""
    execution = pods.drive("start", "evicted", "sequential", [ONE])
    play(pods, execution)
    (pod,) = pods.running(execution)
    fault = meet(pods, "evicted by the API", "EVICTED", execution, lambda: evict(pods, pod))
    fault.result = pods.ended(execution)
    table.append(fault)
    first, second = fault.result["agents"]
    assert (first["status"], first["failure"]) == ("FAILED", "EVICTED")
    assert (second["status"], second["published"]) == ("COMPLETED", 150)
    assert fault.result["status"] == "COMPLETED"
    assert fault.result["recordings"][0]["messages"] == {"/evicted_1/odom": first["published"]}
    assert fault.result["left"] == []


def test_eviction_as_its_volume_is_full(pods: PodRuns, table: list[Fault]) -> None:
    """It is the fault of the unit: without retries it has failed. What was recorded is stored."""
    execution = pods.drive("start", "disk", "sequential", [ONE | {"repeat_count": 60}])
    play(pods, execution)
    (pod,) = pods.running(execution)
    name = pod["metadata"]["name"]

    def fill() -> None:
        words = ("dd", "if=/dev/zero", "of=/work/filler", "bs=1M", "count=400")
        pods.cluster.kubectl("exec", name, "-n", NAMESPACE, "--", *words)

    fault = meet(pods, "evicted as its emptyDir is full", "EVICTED", execution, fill)
    fault.result = pods.ended(execution)
    table.append(fault)
    (agent,), (recording,) = fault.result["agents"], fault.result["recordings"]
    assert (agent["status"], agent["failure"]) == ("FAILED", "EVICTED")
    assert recording["messages"] == {"/disk_1/odom": agent["published"]}
    assert (fault.result["status"], fault.result["failure"]) == ("FAILED", "EVICTED")
    assert fault.result["left"] == []


def test_process_that_is_killed_is_retried(pods: PodRuns, table: list[Fault]) -> None:
    execution = pods.drive("start", "killed", "sequential", [ONE | {"retries": 1}])
    play(pods, execution)
    (pod,) = pods.running(execution)
    fault = meet(pods, "process killed, 1 retry", "AGENT_LOST", execution, lambda: kill_unit(pod))
    fault.result = pods.ended(execution)
    table.append(fault)
    assert [each["status"] for each in fault.result["agents"]] == ["LOST", "COMPLETED"]
    assert fault.result["status"] == "COMPLETED"
    assert fault.result["left"] == []


def test_minimum_success_is_judged_by_the_controller(pods: PodRuns, table: list[Fault]) -> None:
    stage = ONE | {"template": "plain", "agent_count": 4, "min_success": 50}
    execution = pods.drive("start", "quorum", "sequential", [stage])
    play(pods, execution)
    pod, _other = pods.running(execution, 2)
    fault = meet(
        pods, "1 of 2 units killed, 50 % suffice", "AGENT_LOST", execution, lambda: kill_unit(pod)
    )
    fault.result = pods.ended(execution)
    table.append(fault)
    states = sorted(each["status"] for each in fault.result["agents"])
    assert states == ["COMPLETED", "COMPLETED", "LOST", "LOST"]
    assert fault.result["status"] == "COMPLETED"
    assert fault.result["left"] == []


def test_quota_that_leaves_no_room(pods: PodRuns, table: list[Fault]) -> None:
    def limit(count: str) -> None:
        patch = f'{{"spec": {{"hard": {{"pods": "{count}"}}}}}}'
        pods.cluster.kubectl("patch", "resourcequota", "robot-agents", "-n", NAMESPACE, "-p", patch)

    limit("1")
    stage = ONE | {"agent_count": 4, "repeat_count": 1}
    execution = pods.drive("start", "quota", "sequential", [stage])
    fault = meet(pods, "quota full, later raised", "QUOTA_EXCEEDED", execution, lambda: None)
    limit("200")
    fault.result = pods.ended(execution)
    table.append(fault)
    assert fault.result["status"] == "COMPLETED"
    assert fault.result["left"] == []
