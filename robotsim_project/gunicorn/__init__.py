"""Gunicorn's configuration, and the worker that serves streams."""
