"""Room on this machine for units: cores and memory within the limits of its container, and disk."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

import psutil

from simulations.backends.base import Capacity

CGROUP = Path("/sys/fs/cgroup")


def machine_capacity(folder: Path, cgroup: Path = CGROUP) -> Capacity:
    """Return what this machine has left for units that keep their files in a folder."""
    return Capacity(
        cores=min(_cores(), _cpu_limit(cgroup)),
        memory_bytes=round(min(psutil.virtual_memory().available, _memory_limit(cgroup))),
        disk_bytes=shutil.disk_usage(_existing(folder)).free,
    )


def _cores() -> float:
    return float(len(os.sched_getaffinity(0)))


def _cpu_limit(cgroup: Path) -> float:
    """Cores that the container may use; infinite without a limit."""
    with suppress(OSError, ValueError):
        quota, period = (cgroup / "cpu.max").read_text(encoding="ascii").split()
        return int(quota) / int(period)  # `max` is none
    return float("inf")


def _memory_limit(cgroup: Path) -> float:
    """Bytes that the container may still use; infinite without a limit."""
    with suppress(OSError, ValueError):
        limit = int((cgroup / "memory.max").read_text(encoding="ascii"))
        used = int((cgroup / "memory.current").read_text(encoding="ascii"))
        return max(0, limit - used)
    return float("inf")


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())
