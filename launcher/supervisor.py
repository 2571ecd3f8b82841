"""Keep a few processes running: one log file each, restarted when they end."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from common.processes import PRIVATE_UMASK, die_with_parent, terminate
from robotsim_project.environment import BASE_DIR

MAX_LOG_BYTES = 10 * 2**20
MIN_PAUSE_SECONDS = 0.5
MAX_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 30.0
"""A process that ran this long before it ended is restarted after the shortest pause."""


@dataclass
class Child:
    """A process that is kept running."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    started: float = 0.0
    restart_at: float = field(default=0.0)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Start, watch and end processes; call `tick` a few times a second, from the main thread.

    Children run in sessions of their own, so that Ctrl-C reaches them through `stop` only, and they end with
    this process. `keep_open`: file descriptors that they inherit.
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
        """Restart ended processes whose pause is over.

        Returns:
            Messages about the processes that have ended since the last call.
        """
        messages = []
        now = time.monotonic()
        for child in self._children:
            if child.alive:
                continue
            if child.process is not None:
                messages.append(self._schedule_restart(child, now))
            if now >= child.restart_at:
                self._start(child)
        return messages

    def stop(self, names: frozenset[str] | None = None, *, patience: float = 3.0) -> None:
        """End the named processes (default: all) and no longer keep them running."""
        ending = [child for child in self._children if names is None or child.name in names]
        self._children = [child for child in self._children if child not in ending]
        terminate(
            [child.process for child in ending if child.process is not None], timeout=patience
        )

    def spawn(
        self,
        command: list[str],
        *,
        output: int | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a process that is not kept running; `output`: where its output goes (default: inherited)."""
        return subprocess.Popen(  # noqa: S603  the commands are constants
            command,
            cwd=BASE_DIR,
            env={**self._environment, **(extra or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            umask=PRIVATE_UMASK,
            pass_fds=self._keep_open,
            preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509  this process has one thread
        )

    def _start(self, child: Child) -> None:
        path = self._logs / f"{child.name}.log"
        if path.is_file() and path.stat().st_size > MAX_LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            child.process = self.spawn(child.command, output=descriptor)
        finally:
            os.close(descriptor)
        child.started = time.monotonic()

    def _schedule_restart(self, child: Child, now: float) -> str:
        code = child.process.returncode if child.process is not None else 0
        child.process = None
        child.failures = 1 if now - child.started > STEADY_SECONDS else child.failures + 1
        pause = min(MIN_PAUSE_SECONDS * 2.0 ** (child.failures - 1), MAX_PAUSE_SECONDS)
        child.restart_at = now + pause
        log = self._logs / f"{child.name}.log"
        return f"{child.name} ended with code {code}; restart in {pause:g} s (log: {log})"
