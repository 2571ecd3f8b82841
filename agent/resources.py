"""CPU time and memory of the unit: of its cgroup where it has one of its own, else of its process.

A cgroup (v2) is the unit's own if the unit is its only process, as in a container. It counts what the limit
of the container counts, such as the kernel's buffers for it, without the pages of files that the kernel would
drop first: the working set of Kubernetes.
"""

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from agent.protocol import ResourceUse

CGROUPS = Path("/sys/fs/cgroup")
PROCESS = Path("/proc/self")
MIN_SECONDS = 0.5
"""Shortest time over which CPU use is measured; some heartbeats follow each other at once."""
MICRO = 1_000_000


class Reading(NamedTuple):
    """CPU time since the start, and memory now."""

    cpu_seconds: float
    memory_bytes: int


Read = Callable[[], Reading]


def own_cgroup(root: Path = CGROUPS, process: Path = PROCESS) -> Path | None:
    """Find the folder of the cgroup whose only process is this one; None if there is none."""
    try:
        rows = (process / "cgroup").read_text().splitlines()
        path = next(row.removeprefix("0::/") for row in rows if row.startswith("0::/"))
        folder = root / path
        members = (folder / "cgroup.procs").read_text().split()
        read_cgroup(folder)
    except (OSError, StopIteration, ValueError, KeyError):
        return None
    return folder if members == [str(os.getpid())] else None


def read_cgroup(folder: Path) -> Reading:
    """Read CPU time and working set of a cgroup. Raises OSError, ValueError, KeyError."""
    cpu, memory = _table(folder / "cpu.stat"), _table(folder / "memory.stat")
    current = int((folder / "memory.current").read_text())
    return Reading(cpu["usage_usec"] / MICRO, max(0, current - memory["inactive_file"]))


def _table(path: Path) -> dict[str, int]:
    rows = (row.split() for row in path.read_text().splitlines())
    return {name: int(value) for name, value in rows}


def read_process() -> Reading:
    """Read CPU time and resident memory of this process, with all its threads. Raises OSError."""
    use = resource.getrusage(resource.RUSAGE_SELF)
    pages = int((PROCESS / "statm").read_text().split()[1])
    return Reading(use.ru_utime + use.ru_stime, pages * resource.getpagesize())


class Meter:
    """Measures the unit with each heartbeat."""

    def __init__(
        self, read: Read | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        folder = own_cgroup()
        self._read = read or (lambda: read_cgroup(folder) if folder else read_process())
        self._clock = clock
        self._since: tuple[float, float] | None = None
        """Time and CPU time at which the present measurement of CPU use began."""
        self._cores = 0.0
        self._peak = 0

    def measure(self) -> ResourceUse | None:
        """Measure now; None where the system does not say."""
        try:
            reading = self._read()
        except (OSError, ValueError, KeyError):
            return None
        self._peak = max(self._peak, reading.memory_bytes)
        return ResourceUse(
            cpu_seconds=round(reading.cpu_seconds, 3),
            cpu_cores=round(self._use(reading.cpu_seconds), 4),
            memory_bytes=reading.memory_bytes,
            memory_peak_bytes=self._peak,
        )

    def _use(self, cpu_seconds: float) -> float:
        now = self._clock()
        if self._since is None:
            self._since = now, cpu_seconds
        elapsed = now - self._since[0]
        if elapsed >= MIN_SECONDS:
            self._cores = max(0.0, cpu_seconds - self._since[1]) / elapsed
            self._since = now, cpu_seconds
        return self._cores
