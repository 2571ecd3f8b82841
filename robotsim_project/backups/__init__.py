"""Backups of the whole system: its database and its objects. See docs/backup.md."""

from django.db import connection

from robotsim_project.backups.engine import Engine
from robotsim_project.backups.postgres import PostgreSQL
from robotsim_project.backups.sqlite import SQLite


def engine() -> Engine:
    """That of the settings."""
    return SQLite() if connection.vendor == "sqlite" else PostgreSQL()
