"""The system at a glance, and metrics of runs."""
