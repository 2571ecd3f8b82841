"""What the system tells of itself: logs, figures for Prometheus, traces, error reports."""
