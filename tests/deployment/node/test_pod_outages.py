"""What executions in pods survive: the API server away, controllers killed in each state, a lost node."""

import time
from collections.abc import Iterator

import pytest

from tests.deployment.node.faults import ONE, Fault, lose_node, meet, play, print_table
from tests.deployment.node.pod_runs import PodRuns

AWAY_SECONDS = 30
STEPS = (
    *("PENDING", "0 PREPARING", "0 RUNNING", "0 UPLOADING", "0 FINALIZING", "1 DELAY"),
    *("1 PREPARING", "1 RUNNING", "1 FINALIZING"),
)
STOP_STEPS = ("0 PREPARING", "0 RUNNING", "STOPPING")
STAGE = {"template": "light", "agent_count": 4, "repeat_count": 4, "delay_after": 2}


@pytest.fixture(scope="module")
def table(request: pytest.FixtureRequest) -> Iterator[list[Fault]]:
    """The faults so far; printed at the end."""
    rows: list[Fault] = []
    yield rows
    print_table(request.config, rows)


def test_api_server_away_while_agents_play(pods: PodRuns, table: list[Fault]) -> None:
    execution = pods.drive("start", "api-away", "sequential", [ONE | {"repeat_count": 60}, ONE])
    play(pods, execution)
    began = time.monotonic()
    try:
        name = f"API server killed for {AWAY_SECONDS} s"
        code = "BACKEND_UNAVAILABLE"
        fault = meet(pods, name, code, execution, pods.cluster.kill_api)
        time.sleep(max(0.0, AWAY_SECONDS - (time.monotonic() - began)))
    finally:
        pods.cluster.start_api()
    fault.result = pods.ended(execution)
    table.append(fault)
    assert [agent["attempt"] for agent in fault.result["agents"]] == [1, 1]
    assert (fault.result["status"], fault.result["data"]) == ("COMPLETED", "COMPLETE")
    assert fault.result["left"] == []


@pytest.mark.parametrize("steps", [STEPS, STOP_STEPS], ids=["to the end", "to a stop"])
def test_controller_killed_in_each_state(pods: PodRuns, steps: tuple[str, ...]) -> None:
    name = f"kills-{len(steps)}"
    execution = pods.drive("start", name, "sequential", [STAGE, STAGE])
    controller = pods.parts["controller"]
    for step in steps:
        if step == "STOPPING":
            pods.drive("stop", execution)
        pods.drive("await_step", execution, step, 120)
        controller.kill()
        controller.start()
    result = pods.ended(execution)
    assert {agent["attempt"] for agent in result["agents"]} == {1}  # nothing is launched twice
    assert result["left"] == []
    if steps == STEPS:
        assert (result["status"], result["data"]) == ("COMPLETED", "COMPLETE")
        assert [agent["published"] for agent in result["agents"]] == [40] * 8
    else:
        assert result["status"] == "STOPPED"


def test_node_that_is_lost(pods: PodRuns, table: list[Fault]) -> None:
    """Its kubelet and its units are gone without a word; the kubelet comes back."""
    execution = pods.drive("start", "node", "sequential", [ONE | {"repeat_count": 600}])
    play(pods, execution)
    found = pods.running(execution)
    try:
        fault = meet(pods, "node lost", "NODE_LOST", execution, lambda: lose_node(pods, found))
    finally:
        pods.cluster.node.start_kubelet()
    fault.result = pods.ended(execution, 400)
    table.append(fault)
    assert fault.result["left"] == []
