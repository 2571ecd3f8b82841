"""Backups of the whole system: its database and its objects. See docs/backup.md."""
