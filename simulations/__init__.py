"""Mecs, simulations and their executions."""
