"""Backups of the whole system, its database and its objects, and their restore; see docs/backup.md."""
