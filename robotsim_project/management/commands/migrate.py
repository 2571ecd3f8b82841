"""The command `migrate`, safe to run in parallel: one process migrates, the others wait until it is done."""

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog
from django.core.management.commands import migrate
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from robotsim_project.health import waiting
from robotsim_project.health.dependencies import unpooled_connection

LOCK = 0x726F626F7473696D
"""Key of the advisory lock of PostgreSQL: "robotsim" in hexadecimal."""

log = structlog.get_logger(__name__)


class Command(migrate.Command):
    """Django's command, run when the database answers, under a lock."""

    def handle(self, *args: Any, **options: Any) -> None:
        waiting.wait_until_ok(threading.Event(), ["database"])
        with migration_lock(connections[options["database"]]):
            super().handle(*args, **options)


@contextmanager
def migration_lock(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Hold the lock of migrations of this database; it is released when the process ends."""
    lock = _server_lock if connection.vendor == "postgresql" else _file_lock
    with lock(connection):
        yield


@contextmanager
def _server_lock(connection: BaseDatabaseWrapper) -> Iterator[None]:
    # A separate connection outside the pool: closing it releases the lock.
    unpooled = unpooled_connection(connection)
    try:
        with unpooled.cursor() as cursor:
            if not _try_lock(cursor):
                log.info("migrate_waits", reason="Another process migrates this database.")
                cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            yield
    finally:
        unpooled.close()


def _try_lock(cursor: Any) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
    return bool(cursor.fetchone()[0])


@contextmanager
def _file_lock(connection: BaseDatabaseWrapper) -> Iterator[None]:
    name = str(connection.settings_dict["NAME"])
    if ":memory:" in name or name.startswith("file:"):  # visible to this process only
        yield
        return
    with Path(f"{name}.migrate-lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
