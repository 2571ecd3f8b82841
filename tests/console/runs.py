"""Executions, and what the controller has made of them; called in a process of Django."""

import tempfile
from pathlib import Path

from rosbag2.writing.sample import make_sample
from simulations.models import AgentRun
from simulations.services.designs import mecs
from simulations.services.designs.simulations import StageSpec, create_simulation
from simulations.services.runs import lifecycle
from simulations.tests.conftest import until
from storage.models import Rosbag
from storage.services.intake import imports
from templates.services import templates


def running_agents() -> int:
    """Count the agents that play now."""
    return AgentRun.objects.filter(status="RUNNING").count()


def start(name: str, agents: int, seconds: float) -> int:
    """Start an execution of agents that play for some seconds; return its id."""
    template = templates.create(name=name, rosbag=_rosbag(name))
    stage = StageSpec(
        template=template, agent_count=agents, repeat_count=1000, execution_time=seconds
    )
    mec = mecs.ensure("nowhere", name="Nowhere", transport="null")
    simulation = create_simulation(name=name, pattern="parallel", mec=mec, stages=[stage])
    return lifecycle.start(simulation).pk


def _rosbag(name: str) -> Rosbag:
    """Store a sample, which the worker of the system verifies."""
    with tempfile.TemporaryDirectory() as folder:
        make_sample(Path(folder) / "bag")
        rosbag = imports.import_folder(Path(folder) / "bag", name=name)
        stored: Rosbag = until(lambda: Rosbag.objects.usable().filter(pk=rosbag.pk).first(), 120)
        return stored
