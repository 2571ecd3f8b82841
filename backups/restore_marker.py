"""A table that is there from the load of a dump until the restore is through.

It comes with the load in one transaction. So whoever finds it knows that the rows are restored and that what
follows them (migrations, the end of old runs) is not done yet.
"""

import json

from django.db import connection
from django.utils.translation import gettext as _

from backups.exceptions import BackupError

TABLE = "robotsim_unfinished_restore"


def sql(backup: str, highest: dict[str, int]) -> str:
    """What makes it; names and numbers are ours and hold no quote."""
    table = _table()
    values = f"'{backup}', '{json.dumps(highest)}'"
    return (
        f"DROP TABLE IF EXISTS {table};\nCREATE TABLE {table} (backup text, highest text);\n"
        f"INSERT INTO {table} VALUES ({values});"
    )


def unfinished() -> tuple[str, dict[str, int]] | None:
    """Name of the backup whose restore is not through, and the ids that were given before."""
    if TABLE not in connection.introspection.table_names():
        return None
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT backup, highest FROM {TABLE}")  # noqa: S608
        row = cursor.fetchone()
    return (row[0], json.loads(row[1])) if row else None


def refuse_unfinished() -> None:
    """Raise BackupError where a restore is not through: a backup now would keep a half-made state."""
    if found := unfinished():
        message = _(
            "The restore of %(name)s is not finished: run `manage.py restore %(name)s` again."
        )
        raise BackupError(message % {"name": found[0]})


def remove() -> None:
    """The restore is through."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {TABLE}")


def _table() -> str:
    if connection.vendor == "sqlite":
        return TABLE
    with connection.cursor() as cursor:  # the script of a dump empties the search path
        cursor.execute("SELECT quote_ident(current_schema())")
        return f"{cursor.fetchone()[0]}.{TABLE}"
