"""server-renew.sh against a real API server: a new version runs everywhere, or the old one and is kept."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployment.cluster.conftest import copied, ready, run_script, until
from tests.deployment.cluster.control_plane import YES, ControlPlane

# A server of this version cannot be pulled; its migrations can.
NO_SERVER = (
    '#!/bin/sh\n[ "$1 $4 $5" = "pull robot-backend robot-sim-backend:9.9.9" ] && exit 1\nexit 0\n'
)
NO_WORKER = NO_SERVER.replace("pull robot-backend", "pull robot-worker")
NO_MIGRATION = '#!/bin/sh\n[ "$1 $4" = "run robot-migrate" ] && exit 1\nexit 0\n'


@pytest.fixture(scope="module")
def project(prepared: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose version is installed on the cluster."""
    project = copied(tmp_path_factory.mktemp("renew") / "project")
    prepared.kubectl("apply", "-k", str(project / "k8s"))
    ready(prepared)
    return project


@pytest.fixture(autouse=True)
def everything_pulls_again(plane: ControlPlane) -> Iterator[None]:
    yield
    plane.answer(YES)


def images(plane: ControlPlane) -> set[str]:
    """Return robotsim's images in the cluster's objects."""
    kinds = "deployments,cronjobs"
    path = "jsonpath={..image}"
    said = plane.kubectl("get", kinds, "-n", "robot", "-o", path).stdout
    return {image for image in said.split() if "robot-sim" in image}


def may_be_newer(plane: ControlPlane) -> str:
    path = "jsonpath={.data.DATABASE_MAY_BE_NEWER}"
    return plane.kubectl("get", "configmap", "robot-config", "-n", "robot", "-o", path).stdout


def contents(project: Path) -> dict[Path, bytes]:
    files = [*(project / "k8s").rglob("*.yaml"), project / ".version"]
    return {file: file.read_bytes() for file in files}


def test_a_new_version_runs_everywhere(plane: ControlPlane, project: Path) -> None:
    code, said = run_script(plane, project, "server-renew.sh", "--no-build")
    assert code == 0, said
    new = (project / ".version").read_text().strip()
    assert images(plane) == {f"robot-sim-backend:{new}"}
    assert "log of robot/robot-backend" in said
    assert may_be_newer(plane) == ""
    ready(plane)
    assert f"robot-sim-backend:{new}" in (project / "k8s" / "server-deploy.yaml").read_text()
    assert plane.kubectl("diff", "-k", str(project / "k8s"), check=False).stdout == ""


@pytest.mark.parametrize("broken", [NO_SERVER, NO_WORKER], ids=["first", "last"])
def test_an_image_that_fails_is_rolled_back(
    plane: ControlPlane, project: Path, broken: str
) -> None:
    before, running = contents(project), images(plane)
    plane.answer(broken)
    words = ("--no-build", "--version", "9.9.9")
    code, said = run_script(plane, project, "server-renew.sh", *words, WAIT_SECONDS="10")
    assert code == 1, said
    assert "Failed in the step: rollout of" in said
    assert "ImagePullBackOff" in said
    assert may_be_newer(plane) == "true"
    assert images(plane) == running
    assert contents(project) == before
    ready(plane)


def test_migrations_that_fail_change_nothing(plane: ControlPlane, project: Path) -> None:
    before, running = contents(project), images(plane)
    plane.answer(NO_MIGRATION)
    words = ("--no-build", "--version", "9.9.9")
    code, said = run_script(plane, project, "server-renew.sh", *words, WAIT_SECONDS="6")
    assert code == 1, said
    assert "Failed in the step: migrations" in said
    job = ("get", "job", "robot-migrate", "-n", "robot", "--ignore-not-found", "-o", "name")
    until(lambda: plane.kubectl(*job).stdout == "")
    assert (images(plane), contents(project)) == (running, before)
    ready(plane)


def test_interrupted_during_the_rollout_it_goes_back(plane: ControlPlane, project: Path) -> None:
    before, running = contents(project), images(plane)
    plane.answer(NO_SERVER)
    child = subprocess.Popen(
        ["bash", "server-renew.sh", "--no-build", "--version", "9.9.9"],
        cwd=project,
        env=plane.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    until(lambda: "robot-sim-backend:9.9.9" in images(plane))
    os.killpg(child.pid, signal.SIGINT)
    said = child.communicate(timeout=120)[0]
    assert child.returncode == 1, said
    assert (images(plane), contents(project)) == (running, before)
    ready(plane)
