"""Configuration and workers of gunicorn."""
