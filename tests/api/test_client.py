"""A typed client is generated from the API's description, and one full run goes over it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from accounts.choices import Role
from accounts.models import User
from rosbag2.writing.sample import make_sample
from tests.support.serving import stack

HERE = Path(__file__).parent
PASSWORD = "a long enough password"  # noqa: S105


def tool(name: str, *words: Any, folder: Path) -> None:
    """Run a program of this environment; it has to succeed."""
    beside = Path(sys.executable).parent
    path = os.pathsep.join([str(beside), os.environ["PATH"]])
    done = subprocess.run(
        [beside / name, *map(str, words)],
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(folder), "MYPYPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds the package `robotsim_client`."""
    folder = tmp_path_factory.mktemp("client")
    call_command("spectacular", file=str(folder / "schema.yaml"))
    # What it cannot read is a warning, except for archives, pictures and lines of JSON: bytes to it.
    bytes_to_it = ("application/zip", "image/jpeg", "application/x-ndjson")
    overrides = "".join(f"  {each}: application/octet-stream\n" for each in bytes_to_it)
    (folder / "config.yaml").write_text(
        f"package_name_override: robotsim_client\ncontent_type_overrides:\n{overrides}"
    )
    words = ["--path", "schema.yaml", "--config", "config.yaml", "--meta", "none"]
    target = ["--output-path", "robotsim_client", "--fail-on-warning"]
    tool("openapi-python-client", "generate", *words, *target, folder=folder)
    return folder


def test_it_is_typed(client: Path) -> None:
    cache = f"--cache-dir={client / 'mypy'}"
    config = ["--config-file=", "--strict", "--follow-imports=silent"]
    tool("mypy", cache, *config, HERE / "client_run.py", folder=client)


def test_one_full_run(
    client: Path,
    transactional_db: None,
    empty_redis: None,
    process_environment: dict[str, str],
    settings: Any,
    tmp_path: Path,
) -> None:
    User.objects.create_user("admin@example.org", PASSWORD, role=Role.ADMIN)
    make_sample(tmp_path / "bundle", seconds=4)
    environment = process_environment | {
        "DATA_DIR": str(tmp_path / "data"),
        "STORAGE_DIR": str(tmp_path / "objects"),
        "SECRET_KEY": settings.SECRET_KEY,
    }
    with stack(environment, tmp_path / "stack.log") as server:
        words = [server.url, "admin@example.org", PASSWORD, tmp_path / "bundle"]
        tool("python", HERE / "client_run.py", *words, folder=client)
