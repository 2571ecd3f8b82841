"""Exceptions of backups and restores; their messages say what to do."""


class BackupError(Exception):
    """A backup cannot be made, read or restored."""


class BusyError(BackupError):
    """Another backup is running."""
