"""CPU time and memory of a unit: from its own cgroup or its process, and in its heartbeats."""

import os
from pathlib import Path

import pytest

from agent.protocol import Snapshot, decode
from agent.resources import Meter, Read, Reading, own_cgroup, read_process
from agent.tests.server import FakeServer

MEBIBYTE = 1 << 20


@pytest.fixture
def cgroup(tmp_path: Path) -> Path:
    """A cgroup of this process alone, at `root/unit`; /proc/self is `process`."""
    folder = tmp_path / "root" / "unit"
    folder.mkdir(parents=True)
    (folder / "cgroup.procs").write_text(f"{os.getpid()}\n")
    (folder / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\n")
    (folder / "memory.current").write_text(f"{50 * MEBIBYTE}\n")
    (folder / "memory.stat").write_text(f"anon 1\ninactive_file {20 * MEBIBYTE}\n")
    (tmp_path / "process").mkdir()
    (tmp_path / "process" / "cgroup").write_text("4:memory:/old\n0::/unit\n")
    return folder


def own_cgroup_in(cgroup: Path) -> Read | None:
    return own_cgroup(cgroup.parent, cgroup.parents[1] / "process")


def read(found: Read | None) -> Reading:
    assert found is not None
    return found()


def test_cgroup_of_this_process_alone_is_read(cgroup: Path) -> None:
    assert read(own_cgroup_in(cgroup)) == Reading(2.5, 30 * MEBIBYTE)


@pytest.mark.parametrize("path", ["/kubepods/pod1/unit", "/"])
@pytest.mark.parametrize("own", [True, False])
def test_cgroup_of_version_1_is_read(tmp_path: Path, path: str, own: bool) -> None:
    """In a container it is the root, and the kernel names its path outside; or it lies there."""
    for kind, names in {
        "memory": {
            "memory.usage_in_bytes": 50 * MEBIBYTE,
            "memory.stat": f"cache 1\ntotal_inactive_file {20 * MEBIBYTE}",
        },
        "cpuacct": {"cpuacct.usage": 2_500_000_000},
    }.items():
        folder = tmp_path / kind
        folder.mkdir()
        (folder / "cgroup.procs").write_text(f"{os.getpid() if own else 1}\n")
        for name, value in names.items():
            (folder / name).write_text(f"{value}\n")
    (tmp_path / "cgroup").write_text(f"4:memory:{path}\n2:cpu,cpuacct:{path}\n0::/\n")
    found = own_cgroup(tmp_path, tmp_path)
    assert (read(found) if own else found) == (Reading(2.5, 30 * MEBIBYTE) if own else None)


def test_shared_cgroup_is_not_the_units(cgroup: Path) -> None:
    (cgroup / "cgroup.procs").write_text(f"1\n{os.getpid()}\n")
    assert own_cgroup_in(cgroup) is None


@pytest.mark.parametrize("missing", ["memory.current", "cpu.stat", "cgroup.procs"])
def test_cgroup_without_these_files_is_not_used(cgroup: Path, missing: str) -> None:
    """The root cgroup of a machine counts no memory; controllers may be disabled."""
    (cgroup / missing).unlink()
    assert own_cgroup_in(cgroup) is None


@pytest.mark.parametrize("text", ["4:memory:/old\n", "", "0::/../../elsewhere\n"])
def test_other_cgroups_are_not_used(cgroup: Path, text: str) -> None:
    (cgroup.parents[1] / "process" / "cgroup").write_text(text)
    assert own_cgroup_in(cgroup) is None


def test_process_is_measured() -> None:
    before = read_process()
    ballast = bytearray(os.urandom(64 * MEBIBYTE))
    after = read_process()
    assert after.memory_bytes - before.memory_bytes > len(ballast) // 2
    assert after.cpu_seconds > before.cpu_seconds


def test_use_is_measured_between_heartbeats_half_a_second_apart() -> None:
    readings = iter([Reading(1, 10), Reading(3, 30), Reading(3.5, 20), Reading(4.5, 20)])
    times = iter([0.0, 1.0, 1.1, 2.0])
    meter = Meter(lambda: next(readings), lambda: next(times))
    uses = [meter.measure() for _ in range(4)]
    assert [use.cpu_cores for use in uses] == [0, 2, 2, 1.5]
    assert [use.cpu_seconds for use in uses] == [1, 3, 3.5, 4.5]
    assert [use.memory_bytes for use in uses] == [10, 30, 20, 20]
    assert [use.memory_peak_bytes for use in uses] == [10, 30, 30, 30]


def test_a_system_that_does_not_say_is_no_failure() -> None:
    def unreadable() -> Reading:
        raise OSError

    assert Meter(unreadable).measure() is None


def test_heartbeats_carry_them(bag, serve, start):
    fake = FakeServer(bag)
    assert start(serve(fake)).wait() == 0
    uses = [shot.resources for shot in fake.snapshots]
    seconds = [use.cpu_seconds for use in uses]
    assert seconds == sorted(seconds)
    assert seconds[0] > 0
    assert all(MEBIBYTE < use.memory_bytes <= use.memory_peak_bytes for use in uses)


def test_heartbeat_of_an_older_agent_has_none() -> None:
    body = '{"stage_run":1,"unit":0,"attempt":1,"sequence":1,"sent_ns":1,"agents":[]}'
    assert decode(body, Snapshot).resources is None


@pytest.mark.parametrize("seconds", ["-1", "1e400", '"1"', "null"])
def test_impossible_values_are_refused(seconds: str) -> None:
    use = f'{{"cpu_seconds":{seconds},"cpu_cores":0,"memory_bytes":1,"memory_peak_bytes":1}}'
    body = (
        '{"stage_run":1,"unit":0,"attempt":1,"sequence":1,"sent_ns":1,"agents":[],"resources":%s}'
    )
    with pytest.raises(ValueError, match=r"cpu_seconds|out of range"):
        decode(body % use, Snapshot)
