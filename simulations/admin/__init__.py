"""The console's pages of simulations and their runs."""

from simulations.admin import designs, mecs, parts, runs

__all__ = ["designs", "mecs", "parts", "runs"]
