"""The alive file of a process without a port: probes check its age."""

from contextlib import suppress
from pathlib import Path

from django.conf import settings


def touch() -> None:
    """Update the time of the file ALIVE_FILE; a full disk is no reason to fail."""
    if settings.ALIVE_FILE:
        with suppress(OSError):
            Path(settings.ALIVE_FILE).touch(mode=0o600)
