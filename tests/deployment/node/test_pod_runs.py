"""Simulations in pods end as on one machine: the same result, recordings in MinIO, and nothing left."""

from collections import Counter
from typing import Any

import pytest

from tests.deployment.node.faults import ONE, play
from tests.deployment.node.pod_runs import PodRuns
from tests.support.world import until

STAGES = [
    {"template": "light", "agent_count": 3, "repeat_count": 2},
    {"template": "light", "agent_count": 2},
]
EACH = [20, 20, 20, 10, 10]


@pytest.mark.parametrize("pattern", ["sequential", "parallel"])
def test_it_ends_as_on_one_machine(pods: PodRuns, pattern: str) -> None:
    result = pods.ended(pods.drive("start", pattern, pattern, STAGES))
    assert result["left"] == []
    with pods.locally():
        local = pods.ended(pods.drive("start", f"local_{pattern}", pattern, STAGES))
    assert anonymous(result, pattern) == anonymous(local, f"local_{pattern}")
    assert (result["status"], result["data"]) == ("COMPLETED", "COMPLETE")
    assert [agent["published"] for agent in result["agents"]] == EACH
    assert [sum(each["messages"].values()) for each in result["recordings"]] == [40, 20, 20]
    assert pods.drive("storage") == []


def anonymous(result: dict[str, Any], name: str) -> dict[str, Any]:
    """The result without the name of the simulation, which is part of the names of topics."""
    recordings = [
        each
        | {"messages": {topic.replace(name, "", 1): n for topic, n in each["messages"].items()}}
        for each in result["recordings"]
    ]
    return result | {"recordings": recordings}


def test_units_tell_what_they_use(pods: PodRuns) -> None:
    """The control group of the container is read: its CPU time, and its memory."""
    execution = pods.drive("start", "used", "sequential", [ONE | {"repeat_count": 5}])
    pods.ended(execution)
    (agent,) = pods.drive("resources", execution)
    assert agent["unit_cpu_seconds"] > 0
    assert 2**20 < agent["unit_memory_peak_bytes"] < 2**30


def test_a_stop_keeps_what_was_recorded(pods: PodRuns) -> None:
    execution = pods.drive("start", "stopped", "parallel", [ONE | {"repeat_count": 600}] * 2)
    play(pods, execution)
    pods.drive("stop", execution)
    result = pods.ended(execution)
    assert result["status"] == "STOPPED"
    assert {(agent["status"], agent["failure"]) for agent in result["agents"]} == {("STOPPED", "")}
    for agent, recording in zip(result["agents"], result["recordings"], strict=True):
        assert sum(recording["messages"].values()) == agent["published"] > 0
    assert max(pods.drive("seconds_to_last_publication", execution)) < 2
    assert result["left"] == []


def test_a_stop_while_pods_wait_for_a_node(pods: PodRuns) -> None:
    pods.drive("place", {"place": "nowhere"})
    execution = pods.drive("start", "stopped-early", "sequential", [ONE, ONE])
    pods.drive("place", {})
    until(lambda: len(pods.pods(execution)) == 1)
    pods.drive("stop", execution)
    result = pods.ended(execution)
    assert result["status"] == "STOPPED"
    assert result["left"] == []


def test_a_mec_is_tested_by_a_pod(pods: PodRuns) -> None:
    assert pods.drive("test_link", {"transport": "null"})["code"] == "NO_SYSTEM"
    host = pods.cluster.node.machine.host_address
    shown = pods.drive("test_link", {"transport": "zenoh-raw", "endpoint": f"tcp/{host}:1"})
    assert shown["code"] == "PORT_CLOSED"  # from where units run, not from here
    until(lambda: pods.probes() == [])


def test_two_stages_of_forty_pods(pods: PodRuns) -> None:
    pods.drive("take_agents_per_unit", 1)
    stage = {"template": "plain", "agent_count": 40, "repeat_count": 5}
    execution = pods.drive("start", "forty", "sequential", [stage, stage])
    pods.drive("take_agents_per_unit", 2)
    result = pods.ended(execution, 500)
    assert Counter(agent["status"] for agent in result["agents"]) == {"COMPLETED": 80}
    assert {agent["published"] for agent in result["agents"]} == {50}
    assert result["status"] == "COMPLETED"
    assert result["left"] == []
