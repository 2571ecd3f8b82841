"""Dump and load of the supported databases, behind the port in `base`."""

from django.db import connection

from backups.engines.base import Engine
from backups.engines.postgresql import PostgreSQL
from backups.engines.sqlite import SQLite


def engine() -> Engine:
    """Return the engine of the configured database."""
    return SQLite() if connection.vendor == "sqlite" else PostgreSQL()
