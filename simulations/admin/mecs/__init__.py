"""The console's pages of systems under test."""

from simulations.admin.mecs import admin

__all__ = ["admin"]
