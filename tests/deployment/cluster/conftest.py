"""Fixtures of the cluster tests: control planes, empty or with the system installed."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from robotsim_project.environment import BASE_DIR
from tests.deployment.cluster.control_plane import ADMIN, ControlPlane

K8S = BASE_DIR / "k8s"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs what `make test-cluster` builds."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("cluster")


@contextmanager
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    running = ControlPlane(tmp_path_factory.mktemp("cluster") / "plane")
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """An empty cluster for one file of tests."""
    with started(tmp_path_factory) as running:
        yield running


@pytest.fixture(scope="module")
def prepared(plane: ControlPlane) -> ControlPlane:
    """Namespaces, priorities and secrets are there, as `install.sh --secrets` makes them."""
    prepare(plane)
    return plane


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """All of k8s/ is applied and every pod ready; for all tests that leave it as it is."""
    with started(tmp_path_factory) as running:
        prepare(running)
        running.kubectl("apply", "-k", str(K8S))
        ready(running)
        yield running


def prepare(plane: ControlPlane) -> None:
    code, said = run_script(plane, BASE_DIR, "install.sh", "--secrets")
    assert code == 0, said


def copied(project: Path) -> Path:
    """A writable copy of the files that the two scripts read and write."""
    project.mkdir()
    for name in ("install.sh", "server-renew.sh", ".version"):
        shutil.copy(BASE_DIR / name, project / name)
    for name in ("scripts", "k8s"):
        shutil.copytree(BASE_DIR / name, project / name, symlinks=True)
    return project


def run_script(
    plane: ControlPlane, project: Path, script: str, *options: str, user: str = ADMIN, **more: str
) -> tuple[int, str]:
    """Exit code, and all that was printed."""
    done = subprocess.run(
        ["bash", script, *options],
        cwd=project,
        env={**plane.environment(user), **more},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout


def ready(plane: ControlPlane) -> None:
    """Wait until everything that is to run in robot does."""
    names = plane.kubectl("get", "deployments,statefulsets", "-n", "robot", "-o", "name").stdout
    for name in names.split():
        plane.kubectl("rollout", "status", name, "-n", "robot", "--timeout=90s")


def until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """Wait for a condition; its value. The time is a bound against hanging, not an expectation."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.2)
    raise AssertionError("it never came to be")
