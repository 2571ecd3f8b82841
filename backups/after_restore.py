"""What follows from a restored database: nothing of the past goes on by itself."""

from contextlib import suppress
from typing import Any

from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection, models
from django.db.migrations.executor import MigrationExecutor
from django_tasks_db.models import DBTaskResult

from simulations.choices import ACTIVE
from simulations.exceptions import NotRunningError
from simulations.models import Execution, StageRun
from simulations.services.runs import lifecycle
from storage.models import Rosbag

KINDS: tuple[type[models.Model], ...] = (Rosbag, Execution, StageRun)
"""Their ids are names outside the database: of objects, of units and in the units' tokens."""
GAP = 10_000
"""More ids than are given between the last backup and the end of the system that was lost."""


def migrate() -> list[str]:
    """Bring the tables to this code; the names of what was missing."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        call_command("migrate", interactive=False, verbosity=0)
    return [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]


def settle(highest: dict[str, int]) -> int:
    """End sessions, the queue and runs; skip ids that were given already. How many runs were stopped."""
    Session.objects.all().delete()
    DBTaskResult.objects.all().delete()  # the controller finds in the tables what is to do
    skip_ids(highest)
    stopped = 0
    for execution in Execution.objects.filter(status__in=ACTIVE):
        with suppress(NotRunningError):
            lifecycle.stop(execution)
            stopped += 1
    return stopped


def highest() -> dict[str, int]:
    """The highest ids that this database has given; empty for one without tables."""
    tables = set(connection.introspection.table_names())
    return {table: _last(table) for table in map(_table, KINDS) if table in tables}


def skip_ids(taken: dict[str, int]) -> None:
    """Let the next ids lie beyond those that were given, and some more: nobody knows of the last ones."""
    for model in KINDS:
        table = _table(model)
        known = max(taken.get(table, 0), _last(table))
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
                cursor.execute("INSERT INTO sqlite_sequence VALUES (%s, %s)", [table, known + GAP])
            else:
                named = "pg_get_serial_sequence(%s, 'id')"
                cursor.execute(f"SELECT setval({named}, %s)", [table, known + GAP])


def _last(table: str) -> int:
    """The last id that was given, be its row gone or not."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
            return int((cursor.fetchone() or [0])[0])
        cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [table])
        sequence: Any = cursor.fetchone()[0]
        cursor.execute(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}")  # noqa: S608
        return int(cursor.fetchone()[0])


def _table(model: type[models.Model]) -> str:
    return model._meta.db_table  # noqa: SLF001
