"""Keeps a handful of processes running: own log file each, started again when one dies."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from common.processes import die_with_parent, terminate
from robotsim_project.environment import BASE_DIR

LARGEST_LOG_BYTES = 10 * 2**20
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 30.0
"""A process that ran this long before it died starts again after the first pause."""


@dataclass
class Child:
    """One process to keep running."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    deaths: int = 0
    started: float = 0.0
    due: float = field(default=0.0)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Starts, watches and ends processes; call `tick` a few times a second, from the main thread.

    Children run in sessions of their own, so that Ctrl-C reaches them through `stop` only, and they die
    with this process. `keep_open` are files that they hold open as long as they live.
    """

    def __init__(
        self, logs: Path, environment: Mapping[str, str], *, keep_open: tuple[int, ...] = ()
    ) -> None:
        self._logs = logs
        self._environment = dict(environment)
        self._keep_open = keep_open
        self._children: list[Child] = []

    @property
    def children(self) -> tuple[Child, ...]:
        return tuple(self._children)

    def add(self, name: str, command: list[str]) -> Child:
        """Start a process and keep it running."""
        child = Child(name, command)
        self._children.append(child)
        self._start(child)
        return child

    def tick(self) -> list[str]:
        """Start again what has died and whose pause is over; the answer says what died since last time."""
        notes = []
        now = time.monotonic()
        for child in self._children:
            if child.alive:
                continue
            if child.process is not None:
                notes.append(self._bury(child, now))
            if now >= child.due:
                self._start(child)
        return notes

    def stop(self, names: frozenset[str] | None = None, *, patience: float = 3.0) -> None:
        """End the named processes (all when none are named) and forget them."""
        ending = [each for each in self._children if names is None or each.name in names]
        self._children = [each for each in self._children if each not in ending]
        terminate([each.process for each in ending if each.process is not None], timeout=patience)

    def spawn(
        self,
        command: list[str],
        *,
        output: int | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a process that is not kept running; its output goes to `output` (default: ours)."""
        return subprocess.Popen(  # noqa: S603  commands of our own
            command,
            cwd=BASE_DIR,
            env={**self._environment, **(extra or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=self._keep_open,
            preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509  this process has one thread
        )

    def _start(self, child: Child) -> None:
        path = self._logs / f"{child.name}.log"
        if path.is_file() and path.stat().st_size > LARGEST_LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            child.process = self.spawn(child.command, output=descriptor)
        finally:
            os.close(descriptor)
        child.started = time.monotonic()

    def _bury(self, child: Child, now: float) -> str:
        code = child.process.returncode if child.process is not None else 0
        child.process = None
        child.deaths = 1 if now - child.started > STEADY_SECONDS else child.deaths + 1
        pause = min(FIRST_PAUSE_SECONDS * 2.0 ** (child.deaths - 1), LONGEST_PAUSE_SECONDS)
        child.due = now + pause
        log = self._logs / f"{child.name}.log"
        return f"{child.name} ended with code {code}; it starts again in {pause:g} s (log: {log})"
