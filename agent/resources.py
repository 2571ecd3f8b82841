"""CPU time and memory of the unit: of its cgroup where it has one of its own, else of its process.

A cgroup is the unit's own if the unit is its only process, as in a container. It counts what the limit
of the container counts, such as the kernel's buffers for it, without the pages of files that the kernel would
drop first: the working set of Kubernetes. Version 1 has a hierarchy for each kind of resource; a container
sees its own group as the root of each, whatever path the kernel names.
"""

import os
import resource
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from agent.protocol import ResourceUse

CGROUPS = Path("/sys/fs/cgroup")
PROCESS = Path("/proc/self")
MIN_SECONDS = 0.5
"""Shortest time over which CPU use is measured; some heartbeats follow each other at once."""
MICRO = 1_000_000
NANO = 1_000_000_000


class Reading(NamedTuple):
    """CPU time since the start, and memory now."""

    cpu_seconds: float
    memory_bytes: int


Read = Callable[[], Reading]


def own_cgroup(root: Path = CGROUPS, process: Path = PROCESS) -> Read | None:
    """Find the cgroup whose only process is this one; return what reads it, None if there is none."""
    for read, folders in _candidates(root, process):
        try:
            members = [(folder / "cgroup.procs").read_text().split() for folder in folders]
            read()
        except (OSError, ValueError, KeyError):
            continue
        if all(processes == [str(os.getpid())] for processes in members):
            return read
    return None


def _candidates(root: Path, process: Path) -> Iterator[tuple[Read, list[Path]]]:
    """Each cgroup that may be that of this process, with its folders."""
    try:
        rows = [row.split(":", 2) for row in (process / "cgroup").read_text().splitlines()]
    except OSError:
        return
    paths = {kind: path.lstrip("/") for _number, kinds, path in rows for kind in kinds.split(",")}
    if "" in paths:
        folder = root / paths[""]
        yield partial(read_cgroup, folder), [folder]
    if {"memory", "cpuacct"} <= paths.keys():
        memory, cpu = root / "memory", root / "cpuacct"
        for folders in ([memory / paths["memory"], cpu / paths["cpuacct"]], [memory, cpu]):
            yield partial(read_cgroup_v1, *folders), folders


def read_cgroup_v1(memory: Path, cpu: Path) -> Reading:
    """Read a cgroup of version 1 by its folders. Raises OSError, ValueError, KeyError."""
    used = int((memory / "memory.usage_in_bytes").read_text())
    inactive = _table(memory / "memory.stat")["total_inactive_file"]
    seconds = int((cpu / "cpuacct.usage").read_text()) / NANO
    return Reading(seconds, max(0, used - inactive))


def read_cgroup(folder: Path) -> Reading:
    """Read CPU time and working set of a cgroup of version 2. Raises OSError, ValueError, KeyError."""
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
        self._read = read or own_cgroup() or read_process
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
