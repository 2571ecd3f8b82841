"""Simulation templates: what one kind of agent does."""
