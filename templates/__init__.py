"""Simulation templates: the configuration of one kind of agent."""
