"""Requests and limits of units: base and agents, defaults by transport, and what a template sets."""

import pytest

from simulations.backends.base import Resources
from simulations.choices import Transport
from simulations.services.unit_resources import Load, unit_resources
from templates.models import Template

MIB = 2**20
LIGHT = Load(Transport.ZENOH, 10.0, 0.0, 10 * MIB)


def resources(agents: int = 10, load: Load = LIGHT, **values: int) -> Resources:
    return unit_resources(agents, Template(**values), load)


def test_a_unit_needs_its_base_and_each_of_its_agents() -> None:
    one, ten = resources(1), resources(10)
    assert (one.cpu, ten.cpu) == (10 + 1, 10 + 10 * 1)
    assert (one.memory, ten.memory) == (58 + 1, 58 + 10 * 1)
    assert (one.cpu_limit, ten.cpu_limit) == (504, 540)
    assert (one.memory_limit, ten.memory_limit) == (58 + 256 + 2, 58 + 256 + 20)


@pytest.mark.parametrize("transport", Transport.values)
def test_each_transport_has_defaults(transport: str) -> None:
    unit = resources(load=Load(transport, 1000.0, 1e6, 100 * MIB))
    assert unit.cpu >= 10 + 10 * 20
    assert unit.memory > 64
    assert unit.cpu_limit > unit.cpu
    assert unit.memory_limit > unit.memory


def test_what_is_played_decides_about_the_default() -> None:
    busy = Load(Transport.ROS2, 1000.0, 10e6, 10 * MIB)
    assert resources(1, busy).cpu == 10 + 50 + 30
    unpaced = Load(Transport.ROS2, None, 0.0, 10 * MIB)
    assert resources(1, unpaced).cpu == 10 + 100


def test_large_rosbags_are_not_kept_in_memory() -> None:
    small, large = (Load(Transport.NULL, 1.0, 0.0, size) for size in (0, 100_000 * MIB))
    assert resources(load=large).memory - resources(load=small).memory == 32


def test_values_of_the_template_are_taken() -> None:
    values = {"agent_cpu": 50, "agent_cpu_limit": 60, "agent_memory": 7, "agent_memory_limit": 9}
    assert resources(2, **values) == Resources(
        cpu=10 + 100, cpu_limit=500 + 120, memory=58 + 14, memory_limit=58 + 256 + 18
    )


def test_a_request_alone_gets_a_limit_above_it() -> None:
    unit = resources(1, agent_cpu=100, agent_memory=50)
    assert (unit.cpu_limit, unit.memory_limit) == (500 + 400, 58 + 256 + 100)


def test_a_limit_alone_is_no_less_than_the_request() -> None:
    busy = Load(Transport.ROS2, 2000.0, 0.0, 10 * MIB)
    unit = resources(1, busy, agent_cpu_limit=40, agent_memory_limit=1)
    assert (unit.cpu - 10, unit.cpu_limit - 500) == (40, 40)
    assert unit.memory_limit - unit.memory == 256


def test_limits_are_never_below_requests() -> None:
    """Also of rows that a service has not written."""
    unit = resources(3, agent_cpu=900, agent_cpu_limit=1, agent_memory=900, agent_memory_limit=1)
    assert unit.cpu_limit >= unit.cpu
    assert unit.memory_limit >= unit.memory
