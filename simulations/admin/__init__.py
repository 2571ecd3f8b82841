"""The console's pages of simulations and their runs."""

from simulations.admin import executions, mecs, parts, simulations

__all__ = ["designs", "mecs", "parts", "runs"]
