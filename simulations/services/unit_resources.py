"""CPU and memory of a unit: what a cluster reserves for it, and the most that it may use.

A unit needs the program itself (its base) and as much again as all its agents. What a template does not set
follows from rough costs of one publication and of one agent; the estimates of designs are made of the same
(`designs/demand.py`). The backend `local` enforces none of it.
"""

from dataclasses import dataclass
from math import ceil
from typing import NamedTuple, Protocol

from simulations.backends.base import Resources
from simulations.choices import Transport


class Cost(NamedTuple):
    """Cost of a transport: seconds of a core for a message or byte, memory (bytes) for a unit or agent."""

    message: float
    byte: float
    unit: float
    agent: float


MB = 1e6
MIB = 2**20
COSTS = {
    Transport.NULL: Cost(20e-6, 0.0, 35 * MB, 0.1 * MB),
    Transport.ZENOH_RAW: Cost(40e-6, 1e-9, 50 * MB, 0.2 * MB),
    Transport.ZENOH: Cost(50e-6, 1e-9, 50 * MB, 0.3 * MB),
    Transport.ROS2: Cost(50e-6, 3e-9, 65 * MB, 2.0 * MB),
}
LOADED_BYTES = 32 * MIB
"""The most of a rosbag that a unit keeps in memory."""
BASE_CPU = 10
"""Thousandths of a core for heartbeats."""
BASE_CPU_LIMIT = 500
"""The start and the end of a unit are the work of one process."""
UNPACED_CPU = 100
"""Thousandths of a core of an agent that plays without pacing, or so often as nobody knows."""
CPU_HEADROOM = 4
"""Messages come in bursts: one that waits for its share of a core is late."""
MEMORY_HEADROOM = 2
SPARE_MEMORY = 256
"""MiB for recordings on their way to the disk; above its limit a unit is killed."""


class AgentResources(Protocol):
    """What a template sets for one agent, in thousandths of a core and MiB; None: the default."""

    agent_cpu: int | None
    agent_cpu_limit: int | None
    agent_memory: int | None
    agent_memory_limit: int | None


@dataclass(frozen=True)
class Load:
    """The work of one agent: messages and bytes a second (None: not known), and its rosbag (bytes)."""

    transport: str
    messages: float | None
    bytes: float
    rosbag_bytes: int


def unit_resources(agents: int, agent: AgentResources, load: Load) -> Resources:
    """Compute what a unit with so many agents requests, and its limits, which are never lower."""
    cost = COSTS[Transport(load.transport)]
    base = base_memory(load.transport, load.rosbag_bytes)
    cpu, cpu_limit = _pair(
        agent.agent_cpu, agent.agent_cpu_limit, _default_cpu(cost, load), CPU_HEADROOM
    )
    memory, memory_limit = _pair(
        agent.agent_memory, agent.agent_memory_limit, _mib(cost.agent), MEMORY_HEADROOM
    )
    return Resources(
        cpu=BASE_CPU + agents * cpu,
        cpu_limit=BASE_CPU_LIMIT + agents * cpu_limit,
        memory=base + agents * memory,
        memory_limit=base + SPARE_MEMORY + agents * memory_limit,
    )


def base_memory(transport: str, rosbag_bytes: int) -> int:
    """MiB of the program itself, with what it keeps of the rosbag."""
    return _mib(COSTS[Transport(transport)].unit + min(rosbag_bytes, LOADED_BYTES))


def _default_cpu(cost: Cost, load: Load) -> int:
    if load.messages is None:
        return UNPACED_CPU
    return max(ceil(1000 * (load.messages * cost.message + load.bytes * cost.byte)), 1)


def _pair(request: int | None, limit: int | None, default: int, headroom: int) -> tuple[int, int]:
    """Request and limit of an agent, of which either, both or none are set."""
    if request is None:
        request = default if limit is None else min(default, limit)
    return request, max(request * headroom if limit is None else limit, request)


def _mib(size: float) -> int:
    return ceil(size / MIB)
