"""Middleware: bounded bodies, early answers to what is polled, heartbeats, streams."""
