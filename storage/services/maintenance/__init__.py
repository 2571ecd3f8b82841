"""Consistency of database and storage, and metrics of both."""
