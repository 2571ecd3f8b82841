"""Logs, metrics for Prometheus, traces and error reports."""
