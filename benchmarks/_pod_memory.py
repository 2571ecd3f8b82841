"""Memory of pods on this machine."""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import psutil


class Memory(NamedTuple):
    """Bytes (PSS: pages that processes share are split among them)."""

    containers: int
    """Of all processes in the pods, those of the sandboxes as well."""
    shims: int
    """Of containerd's processes, of which each pod has one."""


def memory_of(pods: Collection[str]) -> Memory:
    """Measure the memory of the pods with these uids."""
    inside = [process for process in psutil.process_iter() if _is_in(process, pods)]
    own = {process.pid for process in inside}
    shims = {process.ppid() for process in inside} - own
    return Memory(
        sum(process.memory_full_info().pss for process in inside),
        sum(psutil.Process(pid).memory_full_info().pss for pid in shims),
    )


def _is_in(process: psutil.Process, pods: Collection[str]) -> bool:
    try:
        groups = Path(f"/proc/{process.pid}/cgroup").read_text()
    except OSError:
        return False
    return any(f"/pod{uid}/" in groups for uid in pods)
