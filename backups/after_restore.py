"""Steps after the load of a database: migrate it, end old sessions and runs, skip used ids."""

from contextlib import suppress
from typing import Any

from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection, models
from django.db.migrations.executor import MigrationExecutor
from django_tasks_db.models import DBTaskResult

from simulations.choices import ACTIVE, Stopper
from simulations.exceptions import NotRunningError
from simulations.models import Execution, StageRun
from simulations.services.runs import lifecycle
from storage.models import Rosbag

KINDS: tuple[type[models.Model], ...] = (Rosbag, Execution, StageRun)
"""Models whose ids are used outside the database: in object keys, unit names and unit tokens."""
GAP = 10_000
"""More ids than a system uses between its last backup and its loss."""


def migrate() -> list[str]:
    """Apply the missing migrations.

    Returns:
        Their names.
    """
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        call_command("migrate", interactive=False, verbosity=0)
    return [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]


def end_old_work(highest: dict[str, int]) -> int:
    """End sessions, queued tasks and executions of the past, and skip ids that are already in use.

    Returns:
        Number of stopped executions.
    """
    Session.objects.all().delete()
    DBTaskResult.objects.all().delete()  # the controller enqueues again what the tables need
    skip_ids(highest)
    stopped = 0
    for execution in Execution.objects.filter(status__in=ACTIVE):
        with suppress(NotRunningError):
            lifecycle.stop(execution, stopped_by=Stopper.RESTORE)
            stopped += 1
    return stopped


def highest() -> dict[str, int]:
    """Return the highest ids that this database has used, by table; empty without tables."""
    tables = set(connection.introspection.table_names())
    return {table: _last(table) for table in map(_table, KINDS) if table in tables}


def skip_ids(used: dict[str, int]) -> None:
    """Set the id sequences beyond the used ids, and by a gap, as the last used ones are unknown."""
    for model in KINDS:
        table = _table(model)
        last = max(used.get(table, 0), _last(table))
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
                cursor.execute("INSERT INTO sqlite_sequence VALUES (%s, %s)", [table, last + GAP])
            else:
                sequence = "pg_get_serial_sequence(%s, 'id')"
                cursor.execute(f"SELECT setval({sequence}, %s)", [table, last + GAP])


def _last(table: str) -> int:
    """Return the last id that was used, even if its row has been deleted."""
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
