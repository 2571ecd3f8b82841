"""Trigram indexes for search by parts of words, on PostgreSQL where pg_trgm can be had."""

from django.db import DatabaseError, migrations, transaction

TABLE = "templates_template"
COLUMNS = ["name", "description", "robot_type"]


def create(apps, editor):
    """Make the indexes; without pg_trgm, or the right to add it, search reads every row as before."""
    if editor.connection.vendor != "postgresql":
        return
    try:
        with transaction.atomic(using=editor.connection.alias):
            editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            for column in COLUMNS:
                # As Django writes `icontains`: UPPER(column::text) LIKE UPPER(pattern).
                place = f"{TABLE} USING gin (upper({column}::text) gin_trgm_ops)"
                editor.execute(f"CREATE INDEX {TABLE}_{column}_part ON {place}")
    except DatabaseError as error:
        print(f" (no trigram index: {str(error).strip()}; search works without it, slower)", end="")


def remove(apps, editor):
    """The extension stays: others may use it."""
    if editor.connection.vendor == "postgresql":
        for column in COLUMNS:
            editor.execute(f"DROP INDEX IF EXISTS {TABLE}_{column}_part")


class Migration(migrations.Migration):
    dependencies = [("templates", "0001_initial")]
    operations = [migrations.RunPython(create, remove)]
