"""A machine within this one, for a Kubernetes node: its own processes, mounts and network.

It is made of Linux namespaces. When its first process ends, also because the test run was killed, the
kernel ends every process in it, and with them go its mounts, interfaces, rules of the firewall and network
namespaces. What outlives it (a folder and control groups) has a number, and the next machine of that number
removes it.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from common.processes import die_with_parent, terminate
from tests.support.programs import cache
from tests.support.servers import wait_until

_MACHINES = 20
_FIRST = Path(__file__).parent / "first_process.py"
_CGROUPS = Path("/sys/fs/cgroup")


class Machine:
    """A machine; `number` tells it from others that run at once."""

    def __init__(self) -> None:
        self._lock, self.number = _take_number()
        self.folder = cache() / "nodes" / str(self.number)
        self._first: subprocess.Popen[bytes] | None = None
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def address(self) -> str:
        """Address of the machine; this one reaches it, and it this one at `host_address`."""
        return f"10.78.{self.number}.2"

    @property
    def host_address(self) -> str:
        """Address of this machine on the link to the inner one."""
        return f"10.78.{self.number}.1"

    @property
    def pod_network(self) -> str:
        return f"10.88.{self.number}.0/24"

    @property
    def control_group(self) -> str:
        """Path of the control group of all its pods."""
        return f"/robotsim-node-{self.number}"

    def start(self) -> None:
        """Remove what an earlier one left, and start it with its link to this machine."""
        self._clean()
        for name in ("lib", "log", "data"):
            (self.folder / name).mkdir(parents=True)
        for group in self._control_groups():
            group.mkdir()
        self._start_first_process()
        self._connect()

    def stop(self) -> None:
        """End it with everything that runs in it."""
        if self._first is not None:
            inner = Path("/proc", self.enter()[2])
            terminate([self._first], first=signal.SIGKILL)
            # It is gone when everything else in the machine is.
            while inner.exists():
                time.sleep(0.05)
        terminate(self._processes, first=signal.SIGKILL)
        self._clean()
        self._lock.close()

    def start_program(
        self, name: str, words: Sequence[str | Path], **environment: str
    ) -> subprocess.Popen[bytes]:
        """Start a program in it, which writes to `NAME.log` in its folder."""
        with self.log(name).open("ab") as log:
            child = subprocess.Popen(
                [*self.enter(), *words],
                env={"PATH": os.environ["PATH"], "HOME": "/var/lib", **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509
            )
        self._processes.append(child)
        return child

    def kill(self, child: subprocess.Popen[bytes], number: signal.Signals) -> None:
        """Signal a program that was started in it and wait for its end."""
        # The child entered the namespaces and waits for the program, which is its only child.
        for pid in _children(child.pid):
            os.kill(int(pid), number)
        child.wait(60)

    def run(self, *words: str | Path, check: bool = True) -> str:
        """Run a command in it; return what it printed."""
        return run([*self.enter(), *words], check=check)

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def enter(self) -> list[str]:
        """Return the words before a command that is to run in it."""
        assert self._first is not None, "it has not been started"
        (pid,) = (
            Path(f"/proc/{self._first.pid}/task/{self._first.pid}/children").read_text().split()
        )
        return ["nsenter", "--target", pid, "--mount", "--pid", "--net", "--uts", "--ipc", "--"]

    def _start_first_process(self) -> None:
        ready = self.folder / "ready"
        kinds = ["--mount", "--pid", "--net", "--uts", "--ipc", "--mount-proc"]
        with self.log("machine").open("ab") as log:
            self._first = subprocess.Popen(
                [
                    *("unshare", *kinds, "--fork", "--kill-child=KILL", "--"),
                    *(sys.executable, _FIRST, self.folder, ready),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509
            )
        wait_until(ready.exists, self._first, self.log("machine"))

    def _connect(self) -> None:
        """Lay a link between both machines; pods are reached over it as well."""
        outer, inner = self._link, "eth0"
        pid = self.enter()[2]
        run(["ip", "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", pid])
        run(["ip", "address", "add", f"{self.host_address}/30", "dev", outer])
        run(["ip", "link", "set", outer, "up"])
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "address", "add", f"{self.address}/30", "dev", inner)
        self.run("ip", "link", "set", inner, "up")
        self.run("ip", "route", "add", "default", "via", self.host_address)
        run(["ip", "route", "add", self.pod_network, "via", self.address])

    @property
    def _link(self) -> str:
        return f"rs-node{self.number}"

    def _control_groups(self) -> list[Path]:
        """Return its group in each hierarchy (one in all with control groups of version 2)."""
        name = self.control_group.lstrip("/")
        if (_CGROUPS / "cgroup.controllers").exists():
            return [_CGROUPS / name]
        kinds = (kind for kind in _CGROUPS.iterdir() if kind.is_dir() and not kind.is_symlink())
        return [kind / name for kind in kinds if kind.name != "unified"]

    def _clean(self) -> None:
        if Path(f"/sys/class/net/{self._link}").exists():
            run(["ip", "link", "delete", self._link])
        for group in self._control_groups():
            for folder, _, _ in os.walk(group, topdown=False):
                os.rmdir(folder)
        run(["rm", "-rf", self.folder])


def run(words: Sequence[str | Path], *, check: bool = True) -> str:
    """Run a command of this machine; return what it printed."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, words))}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _take_number() -> tuple[IO[str], int]:
    folder = cache() / "nodes"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(_MACHINES):
        lock = (folder / f"{number}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
        else:
            return lock, number
    raise RuntimeError(f"{_MACHINES} machines run already")
