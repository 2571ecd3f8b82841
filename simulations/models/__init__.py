"""Mecs, simulations and their executions."""

from simulations.models.event import Deletion, Event
from simulations.models.execution import AgentRun, Execution, Recording, StageRun
from simulations.models.mec import Mec
from simulations.models.simulation import Simulation, Stage

__all__ = [
    "AgentRun",
    "Deletion",
    "Event",
    "Execution",
    "Mec",
    "Recording",
    "Simulation",
    "Stage",
    "StageRun",
]
