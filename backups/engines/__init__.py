"""The databases that are dumped and loaded, each behind the port in `base`."""

from django.db import connection

from backups.engines.base import Engine
from backups.engines.postgresql import PostgreSQL
from backups.engines.sqlite import SQLite


def engine() -> Engine:
    """That of the settings."""
    return SQLite() if connection.vendor == "sqlite" else PostgreSQL()
