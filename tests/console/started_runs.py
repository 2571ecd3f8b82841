"""Runs for tests of pages that show what happens now; called in a process of Django."""

import tempfile
from pathlib import Path

from simulations.models import Simulation
from simulations.services.designs import mecs
from simulations.services.designs.simulations import StageSpec, create_simulation
from simulations.services.runs import lifecycle
from templates.services import templates
from tests.console.designs import usable_bag


def start(name: str, agents: int, seconds: float) -> int:
    """Start a new simulation and return the id of its execution."""
    with tempfile.TemporaryDirectory() as folder:
        rosbag = usable_bag(Path(folder) / "drive", seconds=2)
    template = templates.create(name=f"template of {name}", rosbag=rosbag)
    stage = StageSpec(
        template=template, agent_count=agents, execution_time=seconds, repeat_count=10_000
    )
    mec = mecs.ensure("nowhere", name="Nowhere", transport="null")
    design = create_simulation(name=name, pattern="sequential", mec=mec, stages=[stage])
    return lifecycle.start(Simulation.objects.get(pk=design.pk)).pk
