"""The console's pages of executions: the list, and the live page of each with its panels."""

from simulations.admin.executions import page

__all__ = ["page"]
