"""Middleware: limit of bodies, early answers to polls and heartbeats, streams."""
