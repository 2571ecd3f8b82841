"""Room for units on this machine, within the limits of its container."""

from pathlib import Path

import pytest

from simulations.backends.machine import machine_capacity


@pytest.fixture
def cgroup(tmp_path: Path) -> Path:
    folder = tmp_path / "cgroup"
    folder.mkdir()
    return folder


def test_limits_of_the_container_count(cgroup: Path, tmp_path: Path) -> None:
    (cgroup / "cpu.max").write_text("50000 100000\n")
    (cgroup / "memory.max").write_text("1000000\n")
    (cgroup / "memory.current").write_text("400000\n")
    room = machine_capacity(tmp_path / "not" / "there", cgroup)
    assert (room.cores, room.memory_bytes) == (0.5, 600_000)
    assert room.disk_bytes > 0


@pytest.mark.parametrize("limit", ["max", None])
def test_without_limits_the_machine_counts(limit: str | None, cgroup: Path, tmp_path: Path) -> None:
    if limit:
        (cgroup / "cpu.max").write_text(f"{limit} 100000\n")
        (cgroup / "memory.max").write_text(f"{limit}\n")
    room = machine_capacity(tmp_path, cgroup)
    assert room.cores >= 1
    assert room.memory_bytes > 0
