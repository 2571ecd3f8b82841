"""Pieces of models and queries that all apps share."""
