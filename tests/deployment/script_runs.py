"""Runs of install.sh and server-renew.sh in a copy of what they touch, on a stand-in of a cluster."""

import base64
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from robotsim_project.environment import BASE_DIR
from tests.deployment import cluster_standin

READ = ("install.sh", "server-renew.sh", "scripts", "k8s", ".version")
OUTSIDE = ("kubectl", "minikube", "docker")


class Site:
    """A copy of the project's scripts and manifests, and a cluster that stands in."""

    def __init__(self, folder: Path, *, version: str = "") -> None:
        self.project = folder / "project"
        self.project.mkdir()
        for name in READ:
            source = BASE_DIR / name
            if source.is_dir():
                shutil.copytree(source, self.project / name, symlinks=True)
            else:
                shutil.copy(source, self.project / name)
        self.folder = folder / "cluster"
        self.folder.mkdir()
        self.tools = folder / "tools"
        self.tools.mkdir()
        for tool in OUTSIDE:
            self.add_tool(tool)
        self.state = cluster_standin.fresh(version)
        self.rules()

    def add_tool(self, tool: str) -> None:
        words = [sys.executable, "-I", "-S", cluster_standin.__file__, str(self.folder), tool]
        place = self.tools / tool
        place.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        place.chmod(0o755)

    @property
    def state(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "state.json").read_text()))

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        (self.folder / "state.json").write_text(json.dumps(state))

    def change(self, **values: object) -> None:
        self.state = {**self.state, **values}

    def rules(self, *rules: tuple[str, str]) -> None:
        (self.folder / "rules.json").write_text(json.dumps(rules))

    def run(self, script: str, *options: str, **environment: str) -> tuple[int, str]:
        """Exit code, and all that was printed."""
        done = subprocess.run(
            ["bash", script, *options],
            cwd=self.project,
            env={**self.plain_path(), "WAIT_SECONDS": "2", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    def plain_path(self) -> dict[str, str]:
        """The stand-ins first; then the usual tools, without those that would be real."""
        usual = self.tools.parent / "usual"
        if not usual.exists():
            usual.mkdir()
            for folder in (Path("/usr/bin"), Path("/bin")):
                for tool in folder.iterdir():
                    link = usual / tool.name
                    if tool.name not in {*OUTSIDE, "kind"} and not link.is_symlink():
                        link.symlink_to(tool)
        return {"PATH": f"{self.tools}:{usual}", "HOME": os.environ.get("HOME", "/"), "LANG": "C"}

    def calls(self, having: str = "") -> list[str]:
        return [call for call, _ in self._log() if having in call]

    def _log(self) -> list[tuple[str, str]]:
        log = self.folder / "calls.jsonl"
        entries = (
            [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        )
        return [(" ".join(one["call"]), one["given"]) for one in entries]

    def forget_calls(self) -> None:
        (self.folder / "calls.jsonl").unlink(missing_ok=True)

    def given(self) -> str:
        """Return everything that was passed by standard input."""
        return "".join(given for _, given in self._log())

    def secrets(self) -> dict[str, dict[str, str]]:
        kept: dict[str, dict[str, str]] = self.state["secrets"]
        return {name: {k: plain(v) for k, v in data.items()} for name, data in kept.items()}

    def version(self) -> str:
        return (self.project / ".version").read_text().strip()

    def manifests(self) -> str:
        files = sorted(
            path for path in (self.project / "k8s").rglob("*.yaml") if not path.is_symlink()
        )
        return "".join(path.read_text() for path in files)

    def running(self) -> set[str]:
        return {one["images"][-1] for one in self.state["deployments"].values()}


def plain(value: str) -> str:
    return base64.b64decode(value).decode()
