"""What both servers have in common."""

import os
import sys
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

GRACE_SECONDS = 25
"""How long requests in flight may take after SIGTERM; a pod has 30 s by default."""
KEEPALIVE_SECONDS = 75
"""Longer than a proxy in front keeps a connection (nginx: 60), so that it never meets a closed one."""
SHARED_MEMORY = "/dev/shm"  # noqa: S108


def read_settings() -> Any:
    """The project's settings; a bad value ends the process with one line that names it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "robotsim_project.settings")
    from django.conf import settings  # noqa: PLC0415  only now it is known where they are

    try:
        settings.DEBUG  # noqa: B018  reads them
    except ImproperlyConfigured as error:
        sys.exit(f"error: {error}")
    return settings


def scratch() -> str | None:
    """Where workers give signs of life: in memory, as a slow disk would look like a dead worker."""
    return SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None


def clean_metrics() -> None:
    """Remove what earlier processes have counted, when the server starts."""
    if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        for left in Path(folder).glob("*.db"):
            left.unlink(missing_ok=True)


def forget_worker(pid: int) -> None:
    """Tell the metrics that a worker has ended."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        from prometheus_client import multiprocess  # noqa: PLC0415  only where it is used

        multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]
