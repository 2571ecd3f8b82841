"""install.sh against a real API server: fresh, again, interrupted, without rights, with a secret there."""

import base64
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployment.cluster.conftest import copied, ready, run_script, until
from tests.deployment.cluster.control_plane import NOBODY, YES, ControlPlane

NO_REDIS = '#!/bin/sh\n[ "$1 $4" = "pull redis" ] && exit 1\nexit 0\n'
NO_SERVER = '#!/bin/sh\n[ "$1 $4" = "pull robot-backend" ] && exit 1\nexit 0\n'
NO_ANSWER = '#!/bin/sh\n[ "$1" = exec ] && { echo "Redis does not answer"; exit 1; }\nexit 0\n'
SECRETS = ("postgres-secret", "redis-secret", "minio-secret", "robot-backend-secret")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copied(tmp_path / "project")


@pytest.fixture(autouse=True)
def empty(plane: ControlPlane) -> Iterator[None]:
    yield
    plane.answer(YES)
    gone = ("namespace", "robot", "robot-agents", "--ignore-not-found", "--timeout=100s")
    plane.kubectl("delete", *gone)
    plane.kubectl("delete", "pv", "--all", "--timeout=60s")


def secrets_of(plane: ControlPlane) -> dict[str, dict[str, str]]:
    return {name: plane.get("secret", name, "-n", "robot")["data"] for name in SECRETS}


def test_fresh_and_again(plane: ControlPlane, project: Path) -> None:
    code, said = run_script(plane, project, "install.sh", "--no-build")
    assert code == 0, said
    ready(plane)
    before = secrets_of(plane)
    for data in before.values():
        for value in data.values():
            assert base64.b64decode(value).decode() not in said or len(value) < 16
    pods = plane.kubectl("get", "pods", "-n", "robot", "-l", "app.kubernetes.io/name", "-o", "name")
    code, said = run_script(plane, project, "install.sh", "--no-build")
    assert code == 0, said
    assert secrets_of(plane) == before
    after = plane.kubectl(
        "get", "pods", "-n", "robot", "-l", "app.kubernetes.io/name", "-o", "name"
    )
    kept = {name for name in pods.stdout.split() if "migrate" not in name}
    assert kept == {name for name in after.stdout.split() if "migrate" not in name}


def test_interrupted_it_says_so_and_goes_on_later(plane: ControlPlane, project: Path) -> None:
    plane.answer(NO_REDIS)
    running = subprocess.Popen(
        ["bash", "install.sh", "--no-build"],
        cwd=project,
        env=plane.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    until(lambda: plane.kubectl("get", "pod/redis-0", "-n", "robot", check=False).returncode == 0)
    os.killpg(running.pid, signal.SIGINT)
    said = running.communicate(timeout=60)[0]
    assert running.returncode == 130, said
    assert "Interrupted in the step: redis" in said
    before = secrets_of(plane)
    plane.answer(YES)
    code, said = run_script(plane, project, "install.sh", "--no-build")
    assert code == 0, said
    assert secrets_of(plane) == before


def test_without_rights_nothing_is_changed(plane: ControlPlane, project: Path) -> None:
    code, said = run_script(plane, project, "install.sh", "--no-build", user=NOBODY)
    assert code == 1, said
    assert "Nothing was changed" in said
    assert "create secret in the namespace robot" in said
    assert "create namespace" in said
    assert plane.kubectl("get", "namespace", "robot", check=False).returncode != 0


def test_a_secret_that_is_there_is_used_and_kept(plane: ControlPlane, project: Path) -> None:
    plane.kubectl("create", "namespace", "robot")
    own = ["--from-literal=MINIO_ROOT_USER=me", "--from-literal=MINIO_ROOT_PASSWORD=my own one"]
    plane.kubectl("create", "secret", "generic", "minio-secret", "-n", "robot", *own)
    code, said = run_script(plane, project, "install.sh", "--secrets")
    assert code == 0, said
    assert "my own one" not in said
    found = secrets_of(plane)
    assert base64.b64decode(found["minio-secret"]["MINIO_ROOT_PASSWORD"]) == b"my own one"
    assert base64.b64decode(found["robot-backend-secret"]["MINIO_SECRET_KEY"]) == b"my own one"


def test_an_image_that_cannot_be_pulled_is_told(plane: ControlPlane, project: Path) -> None:
    plane.answer(NO_SERVER)
    code, said = run_script(plane, project, "install.sh", "--no-build", WAIT_SECONDS="8")
    assert code == 1, said
    assert "deployment/robot-backend was not ready within 8 s" in said
    assert "ImagePullBackOff" in said


def test_a_service_that_does_not_answer_is_told(plane: ControlPlane, project: Path) -> None:
    plane.answer(NO_ANSWER)
    code, said = run_script(plane, project, "install.sh", "--no-build")
    assert code == 1, said
    assert "Redis does not answer" in said
    assert "Not each service answers" in said
