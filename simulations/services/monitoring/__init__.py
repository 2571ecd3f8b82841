"""Overview of the system, and statistics of runs."""
