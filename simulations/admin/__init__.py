"""The console's pages of simulations and their runs."""

from simulations.admin import designs, runs

__all__ = ["designs", "runs"]
