"""Quota and priority of robot-agents fit the units that the controllers create there."""

from types import SimpleNamespace

import pytest

from simulations.backends.base import Job, Resources
from simulations.backends.kubernetes import manifests as units
from simulations.backends.kubernetes.pods import PRIORITY_CLASS
from simulations.choices import Transport
from simulations.services.unit_resources import Load, unit_resources
from tests.deployment.manifests import SETS, amount, of_kind, one, rendered

AGENTS = 10
"""The default of AGENTS_PER_UNIT."""
DISK_MIB = 2048
"""The default of AGENT_DISK_MIB."""


def usual_unit(agents: int = AGENTS) -> Resources:
    """Resources of a unit on ROS 2 with agents of 100 messages a second and a large rosbag."""
    agent = SimpleNamespace(
        agent_cpu=None, agent_cpu_limit=None, agent_memory=None, agent_memory_limit=None
    )
    return unit_resources(agents, agent, Load(Transport.ROS2, 100.0, 100_000.0, 32 * 2**20))


def beyond_the_quota(name: str, number: int, unit: Resources) -> dict[str, float]:
    """Return the resources of which so many units need more than the quota has."""
    hard = one(rendered(name), "ResourceQuota", "robot-agents")["spec"]["hard"]
    job = Job(1, 1, number, 0, "token", "http://server", "image", unit)
    made = units.indexed_job(job, units.Site("IfNotPresent", "", DISK_MIB, 1800.0))
    (container,) = made["spec"]["template"]["spec"]["containers"]
    needed = {
        f"{side}.{kind}": number * amount(quantity)
        for side in ("requests", "limits")
        for kind, quantity in container["resources"][side].items()
    } | {"pods": float(number)}
    return {kind: value for kind, value in needed.items() if value > amount(hard[kind])}


@pytest.mark.parametrize("name", SETS)
def test_as_many_usual_units_as_pods_are_allowed_fit_the_quota(name: str) -> None:
    pods = one(rendered(name), "ResourceQuota", "robot-agents")["spec"]["hard"]["pods"]
    assert beyond_the_quota(name, int(pods), usual_unit()) == {}


@pytest.mark.parametrize("agents_a_unit", [AGENTS, 50])
def test_ten_thousand_agents_fit_the_quota_of_production(agents_a_unit: int) -> None:
    unit = usual_unit(agents_a_unit)
    assert beyond_the_quota("production", 10_000 // agents_a_unit, unit) == {}


@pytest.mark.parametrize("name", SETS)
def test_no_unit_is_too_large_for_one_container(name: str) -> None:
    """Such a unit would never be created; too large for nodes or quota is a failure with a code."""
    for limits in of_kind(rendered(name), "LimitRange"):
        assert all({"max", "min"}.isdisjoint(each) for each in limits["spec"]["limits"])


@pytest.mark.parametrize("name", SETS)
def test_units_push_nobody_out(name: str) -> None:
    found = one(rendered(name), "PriorityClass", PRIORITY_CLASS)
    assert (found["preemptionPolicy"], found["value"] < 0) == ("Never", True)
