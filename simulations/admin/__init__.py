"""The console's pages of simulations and their executions."""

from simulations.admin import (
    agent_runs,
    deletions,
    events,
    executions,
    hours,
    mecs,
    next_steps,
    recordings,
    related,
    simulations,
    stage_runs,
)

__all__ = [
    "agent_runs",
    "deletions",
    "events",
    "executions",
    "hours",
    "mecs",
    "next_steps",
    "recordings",
    "related",
    "simulations",
    "stage_runs",
]
