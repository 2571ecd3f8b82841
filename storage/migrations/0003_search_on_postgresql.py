"""Indexes that only PostgreSQL has: search by parts of a name, topics by name and type."""

from django.db import DatabaseError, migrations, transaction

INDEXES = {
    # As Django writes `icontains` and `istartswith`: UPPER(column::text) LIKE UPPER(pattern).
    "storage_rosbag_digest_part": "storage_rosbag (upper(content_digest::text) text_pattern_ops)",
    # Hashes, for names and types of hostile length would not fit into a tree.
    "storage_topic_by_name": "storage_rosbagtopic USING hash (name)",
    "storage_topic_by_type": "storage_rosbagtopic USING hash (type)",
}
TRIGRAMS = "storage_rosbag USING gin (upper(name::text) gin_trgm_ops)"


def create(apps, editor):
    """Make the indexes; without pg_trgm, or the right to add it, search reads all names as before."""
    if editor.connection.vendor != "postgresql":
        return
    for name, rest in INDEXES.items():
        editor.execute(f"CREATE INDEX {name} ON {rest}")
    try:
        with transaction.atomic(using=editor.connection.alias):
            editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            editor.execute(f"CREATE INDEX storage_rosbag_name_part ON {TRIGRAMS}")
    except DatabaseError as error:
        print(f" (no trigram index: {str(error).strip()}; search works without it, slower)", end="")


def remove(apps, editor):
    """The extension stays: others may use it."""
    if editor.connection.vendor == "postgresql":
        for name in [*INDEXES, "storage_rosbag_name_part"]:
            editor.execute(f"DROP INDEX IF EXISTS {name}")


class Migration(migrations.Migration):
    dependencies = [("storage", "0002_lists_and_sessions")]
    operations = [migrations.RunPython(create, remove)]
