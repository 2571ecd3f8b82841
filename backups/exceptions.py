"""Why a backup or a restore is refused; the sentences say what to do."""


class BackupError(Exception):
    """It cannot be made, read or restored."""


class BusyError(BackupError):
    """Another backup is being made."""
