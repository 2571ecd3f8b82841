"""The console's pages of simulations and their executions."""

from simulations.admin import (
    agent_runs,
    deletions,
    events,
    executions,
    mecs,
    next_steps,
    recordings,
    simulations,
    stage_runs,
)

__all__ = [
    "agent_runs",
    "deletions",
    "events",
    "executions",
    "mecs",
    "next_steps",
    "recordings",
    "simulations",
    "stage_runs",
]
