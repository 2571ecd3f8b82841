"""Somebody who follows the install guide: a fresh copy of the project, and a shell with nothing set."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from robotsim_project.environment import BASE_DIR
from tests.deployment import guide
from tests.support.ports import free_port
from tests.support.s3 import serves_http

ROOMS = sorted(path.parent.name for path in BASE_DIR.glob("[!.]*/__init__.py"))


@dataclass
class Reader:
    """Somebody who follows the guide: a folder with the project, a shell with nothing set."""

    folder: Path
    port: int
    environment: dict[str, str]

    def write_env(self, **instead: str) -> None:
        """The guide's `.env`, with other values for these names."""
        (block,) = [block for block in guide.blocks() if block.kind == "env"]
        text = block.text
        for name, value in instead.items():
            (line,) = re.findall(rf"^{name}=.*$", text, re.MULTILINE)
            text = text.replace(line, f"{name}={value}")
        (self.folder / ".env").write_text(text)

    def here(self, command: str) -> str:
        """A command with this test's port."""
        return re.sub(r"\b8000\b", str(self.port), command)

    def run(self, command: str, seconds: float = 120) -> str:
        """Run a command that must succeed, and return its output."""
        done = subprocess.run(
            ["bash", "-c", self.here(command)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @contextmanager
    def started(self, *commands: str) -> Iterator[list[subprocess.Popen[bytes]]]:
        """Commands as they run in terminals of their own, ended by Ctrl-C."""
        running: list[subprocess.Popen[bytes]] = []
        try:
            for command in commands:
                running.append(self._start(guide.words(self.here(command))))
            yield running
        finally:
            for process in running:
                end(process)

    def _start(self, words: list[str]) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                words,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-4000:]

    def serves(self) -> bool:
        return serves_http(f"http://127.0.0.1:{self.port}/")


def end(process: subprocess.Popen[bytes]) -> None:
    """Ctrl-C in its terminal; what it has started goes with it."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def new_reader(folder: Path) -> Reader:
    """A reader whose copy of the project is made in this folder."""
    folder.mkdir()
    unneeded = shutil.ignore_patterns("tests", "__pycache__", "data", "staticfiles")
    for room in ROOMS:
        shutil.copytree(BASE_DIR / room, folder / room, ignore=unneeded)
    for name in ("manage.py", ".version"):
        shutil.copy(BASE_DIR / name, folder / name)
    kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return Reader(folder, free_port(), {**kept, "PATH": path})
