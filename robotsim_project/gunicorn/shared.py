"""Configuration shared by both servers."""

import os
import sys
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

GRACE_SECONDS = 25
"""Time for requests in progress after SIGTERM; a pod has 30 s by default."""
KEEPALIVE_SECONDS = 75
"""Longer than a proxy keeps a connection (nginx: 60), so that it never uses a closed one."""
SHARED_MEMORY = "/dev/shm"  # noqa: S108


def read_settings() -> Any:
    """Load the project's settings; an invalid value ends the process with one line that names it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "robotsim_project.settings")
    from django.conf import settings  # noqa: PLC0415  needs DJANGO_SETTINGS_MODULE

    try:
        settings.DEBUG  # noqa: B018  loads them
    except ImproperlyConfigured as error:
        sys.exit(f"error: {error}")
    return settings


def heartbeat_folder() -> str | None:
    """Return a folder in memory for the workers' heartbeat files, as a slow disk would delay them."""
    return SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None


def clean_metrics() -> None:
    """Remove the metrics of earlier processes when the server starts."""
    if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        for path in Path(folder).glob("*.db"):
            path.unlink(missing_ok=True)


def forget_worker(pid: int) -> None:
    """Remove an ended worker from the metrics."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        from prometheus_client import multiprocess  # noqa: PLC0415  only where it is used

        multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]
