"""Middleware: limit of bodies, fast answers to polling clients, heartbeats, streams."""
