"""Health of the server and of what it depends on: probes, readiness, waiting, draining."""
