"""Executions: start, stop, the steps of the controller, units and recordings."""
