"""Middleware: bounded bodies, early answers to polls and heartbeats, streams."""
