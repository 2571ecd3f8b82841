"""Shared parts of models and queries."""
