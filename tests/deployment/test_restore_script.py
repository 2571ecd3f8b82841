"""`restore.sh` against a stand-in for kubectl that notes its calls; no cluster is needed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from robotsim_project.environment import BASE_DIR

REPLICAS = {"robot-backend": 3, "robot-stream": 1, "robot-controller": 1, "robot-worker": 2}
STAND_IN = Path(__file__).parent / "kubectl"


class Cluster:
    """State of the stand-in, and the calls that it received."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        own = STAND_IN.read_text().replace("#!/usr/bin/env python3", f"#!{sys.executable} -IS", 1)
        (folder / "kubectl").write_text(own)
        (folder / "kubectl").chmod(0o755)
        deployments: dict[str, Any] = {name: {"replicas": n} for name, n in REPLICAS.items()}
        self.write({"cluster": True, "exit": 0, "deployments": deployments})

    def write(self, state: dict[str, Any]) -> None:
        (self._folder / "state").write_text(json.dumps(state))

    @property
    def state(self) -> dict[str, Any]:
        return dict(json.loads((self._folder / "state").read_text()))

    @property
    def changes(self) -> list[list[str]]:
        """Calls that would change something."""
        calls = self._folder / "calls"
        lines = calls.read_text().splitlines() if calls.exists() else []
        calls = [json.loads(line)[2:] for line in lines]
        return [words for words in calls if words[0] not in {"get", "logs", "wait", "rollout"}]

    @property
    def replicas(self) -> dict[str, int]:
        return {name: found["replicas"] for name, found in self.state["deployments"].items()}

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        path = f"{self._folder}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            ["bash", str(BASE_DIR / "restore.sh"), *words],
            env={**os.environ, "PATH": path, "KUBECTL_STATE": str(self._folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
            timeout=120,
        )


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


def test_everything_is_stopped_and_comes_back(cluster: Cluster) -> None:
    done = cluster.run("20260930T020000.123Z-5f1c09ab", "--replace", "--yes")
    assert done.returncode == 0, done.stderr
    state = cluster.state
    assert state["replicas_then"] == dict.fromkeys(REPLICAS, 0)
    assert cluster.replicas == REPLICAS
    assert not any("note" in found for found in state["deployments"].values())
    [run] = [words for words in cluster.changes if words[0] == "run"]
    container = json.loads(run[run.index("--overrides") + 1])["spec"]["containers"][0]
    words = ["restore", "20260930T020000.123Z-5f1c09ab", "--yes", "--replace"]
    assert container["command"] == ["python", "manage.py", *words]
    assert container["image"] == "robot-sim-backend:0.1.0"


@pytest.mark.parametrize("code", [1, 2])
def test_the_system_comes_back_when_it_is_refused_or_not_clean(cluster: Cluster, code: int) -> None:
    cluster.write({**cluster.state, "exit": code})
    assert cluster.run("--yes").returncode == code
    assert cluster.replicas == REPLICAS


def test_a_restore_that_broke_off_leaves_the_system_down_and_is_repeated(cluster: Cluster) -> None:
    cluster.write({**cluster.state, "exit": 137})
    done = cluster.run("--yes")
    assert done.returncode == 137
    assert "again" in done.stderr
    assert cluster.replicas == dict.fromkeys(REPLICAS, 0)
    cluster.write({**cluster.state, "exit": 0})
    assert cluster.run("--yes").returncode == 0
    assert cluster.replicas == REPLICAS


def test_a_dry_run_changes_nothing(cluster: Cluster) -> None:
    done = cluster.run("--dry-run")
    assert done.returncode == 0, done.stderr
    assert cluster.changes == []
    assert "scale deployment robot-backend --replicas 0" in done.stdout
    assert "scale deployment robot-backend --replicas 3" in done.stdout


def test_the_list_stops_nothing(cluster: Cluster) -> None:
    assert cluster.run("--list").returncode == 0
    assert {words[0] for words in cluster.changes} == {"run", "delete"}
    assert cluster.replicas == REPLICAS


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--wrong"], "--help names all"),
        (["a", "b"], "one backup at a time"),
        (["a; b"], "no name of a backup"),
        ([], "--yes"),
    ],
)
def test_what_it_does_not_understand(cluster: Cluster, words: list[str], said: str) -> None:
    done = cluster.run(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert cluster.changes == []


def test_without_a_cluster(cluster: Cluster) -> None:
    cluster.write({**cluster.state, "cluster": False})
    done = cluster.run("--yes")
    assert done.returncode == 2
    assert "check kubectl's context" in done.stderr


def test_without_kubectl(tmp_path: Path) -> None:
    for name in ("bash", "cat"):
        (tmp_path / name).symlink_to(shutil.which(name) or "")
    done = subprocess.run(
        [tmp_path / "bash", str(BASE_DIR / "restore.sh"), "--yes"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 2
    assert "kubectl is not on PATH" in done.stderr


def test_help() -> None:
    done = subprocess.run(
        ["bash", str(BASE_DIR / "restore.sh"), "--help"], capture_output=True, check=True, text=True
    )
    assert "--replace" in done.stdout
