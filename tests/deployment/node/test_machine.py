"""A machine for a node ends with the program that started it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from robotsim_project.environment import BASE_DIR
from tests.deployment.cluster.conftest import until
from tests.deployment.node.machine import Machine
from tests.deployment.node.needs import missing

PROGRAM = """
import time
from tests.deployment.node.machine import Machine
machine = Machine()
machine.start()
machine.run("mount", "-t", "tmpfs", "tmpfs", "/mnt")
machine.start_program("sleep", ["sh", "-c", "setsid sleep 1000 & wait"])
print(machine.number, machine.enter()[2], flush=True)
time.sleep(1000)
"""


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_nothing_is_left_of_a_machine_whose_test_run_was_killed() -> None:
    program = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(program, cwd=BASE_DIR, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        number, first = owner.stdout.readline().split()
        link = Path(f"/sys/class/net/rs-node{number}")
        assert link.exists()
        space = os.readlink(f"/proc/{first}/ns/pid")
        until(lambda: len(processes_in(space)) >= 3)
        owner.send_signal(signal.SIGKILL)
    until(lambda: not processes_in(space) and not link.exists())
    again = Machine()
    try:
        again.start()
        assert again.run("cat", "/proc/1/cmdline").count("first_process.py") == 1
    finally:
        again.stop()
    assert not again.folder.exists()


def processes_in(space: str) -> list[str]:
    """Return the processes in a namespace."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "ns" / "pid") == space:
                found.append(process.name)
        except OSError:  # it has just ended
            continue
    return found
