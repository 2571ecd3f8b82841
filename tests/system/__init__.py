"""Whole processes: the main job, outages, signals, logs, metrics."""
