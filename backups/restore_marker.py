"""The restore marker: a table that exists from the load of a dump until the restore is finished.

It is created in the transaction of the load. So while it exists, the rows are restored and the steps that
follow (migrations, stopping old runs) are not finished.
"""

import json

from django.db import connection
from django.utils.translation import gettext as _

from backups.exceptions import BackupError

TABLE = "robotsim_unfinished_restore"


def sql(backup: str, highest: dict[str, int]) -> str:
    """Return the SQL that creates the marker; its names and numbers contain no quotes."""
    table = _table()
    values = f"'{backup}', '{json.dumps(highest)}'"
    return (
        f"DROP TABLE IF EXISTS {table};\nCREATE TABLE {table} (backup text, highest text);\n"
        f"INSERT INTO {table} VALUES ({values});"
    )


def unfinished() -> tuple[str, dict[str, int]] | None:
    """Read the marker.

    Returns:
        Name of the backup whose restore is not finished, and the highest ids in use before it.
    """
    if TABLE not in connection.introspection.table_names():
        return None
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT backup, highest FROM {TABLE}")  # noqa: S608
        row = cursor.fetchone()
    return (row[0], json.loads(row[1])) if row else None


def refuse_unfinished() -> None:
    """Raise BackupError while a restore is not finished: a backup would save a half-restored state."""
    if marker := unfinished():
        message = _(
            "The restore of %(name)s is not finished: run `manage.py restore %(name)s` again."
        )
        raise BackupError(message % {"name": marker[0]})


def remove() -> None:
    """Remove the marker: the restore is finished."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {TABLE}")


def _table() -> str:
    if connection.vendor == "sqlite":
        return TABLE
    with connection.cursor() as cursor:  # the script of a dump empties the search path
        cursor.execute("SELECT quote_ident(current_schema())")
        return f"{cursor.fetchone()[0]}.{TABLE}"
