"""Progress and results of executions."""
