"""Simulations for browser tests, and what was stored and started; called in a process of Django."""

import time
from pathlib import Path

from rosbag2.writing.sample import make_sample
from simulations.models import Execution, Simulation
from simulations.services.designs import mecs, simulations
from simulations.services.designs.simulations import StageSpec
from storage.models import Rosbag
from templates.services import templates
from tests.support.bags import stored_bag

PATIENCE = 120
"""Seconds, which only bound a hanging test."""


def create(folder: str, name: str, agents: list[int]) -> int:
    """Create a simulation with a stage for each number of agents; returns its id."""
    template = templates.create(name=name, rosbag=usable_bag(Path(folder) / name))
    mec = mecs.ensure("nowhere", name="Nowhere", transport="null")
    stages = [StageSpec(template=template, agent_count=count) for count in agents]
    row = simulations.create_simulation(name=name, pattern="sequential", mec=mec, stages=stages)
    return row.pk


def store_bag(folder: str, name: str) -> int:
    """Store a new sample; returns the id of its rosbag."""
    return usable_bag(Path(folder) / name).pk


def usable_bag(folder: Path, **sample: float) -> Rosbag:
    """Store a new sample and wait until it is verified."""
    make_sample(folder, **sample)
    rosbag = stored_bag(folder)
    deadline = time.monotonic() + PATIENCE
    while not rosbag.usable and time.monotonic() < deadline:  # the worker may have taken it
        time.sleep(0.2)
        rosbag.refresh_from_db()
    return rosbag


def stored_agents(simulation: int) -> list[int]:
    """The agents of its stages in their order."""
    return [spec.agent_count for spec in simulations.specs_of(Simulation(pk=simulation))]


def started_agents(simulation: int) -> list[list[int]]:
    """The agents of the stages of each of its executions."""
    rows = Execution.objects.filter(simulation=simulation).order_by("pk")
    return [[stage["agents"] for stage in row.plan["stages"]] for row in rows]
