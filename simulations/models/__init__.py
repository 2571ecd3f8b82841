"""Mecs, simulations and their executions."""

from simulations.models.deletion import Deletion
from simulations.models.event import Event
from simulations.models.execution import AgentRun, Execution, StageRun
from simulations.models.hour_statistics import HourStatistics
from simulations.models.link_probe import LinkProbe
from simulations.models.mec import Mec
from simulations.models.recording import Recording, RecordingSegment
from simulations.models.simulation import Simulation, Stage

__all__ = [
    "AgentRun",
    "Deletion",
    "Event",
    "Execution",
    "HourStatistics",
    "LinkProbe",
    "Mec",
    "Recording",
    "RecordingSegment",
    "Simulation",
    "Stage",
    "StageRun",
]
