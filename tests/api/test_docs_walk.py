"""docs/api.md is true: each command in it runs against a real system, and its table is that of today."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts.management.commands.show_access import insert_table
from robotsim_project.environment import BASE_DIR
from simulations.tests.processes import kill_all, unit_processes
from tests.support.ports import free_port

PAGE = BASE_DIR / "docs" / "api.md"
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_table_of_rights_is_that_of_today() -> None:
    text = PAGE.read_text()
    assert insert_table(text) == text, "run: python manage.py show_access --write docs/api.md"


def test_links_within_the_page_lead_somewhere() -> None:
    text = PAGE.read_text()
    titles = re.findall(r"^## (.+)$", text, re.MULTILINE)
    made = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([\w-]+)\)", text)) == made


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Environment of a new user, without settings and test services."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    data = tmp_path / "data"
    return kept | {
        "DATA_DIR": str(data),
        "DATABASE_URL": f"sqlite:///{data}/robotsim.sqlite3",
        "REDIS_URL": "",
        "MINIO_ENDPOINT": "",
        "ENVIRONMENT": "development",
        "PORT": str(free_port()),
        "TMPDIR": str(tmp_path),
        "AGENTS": "1",
        "RATE": "max",
    }


@pytest.fixture
def running(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """`make run`, as far as `Ctrl-C`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "launcher", "run"],
        cwd=BASE_DIR,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        seen = ""
        while "Ctrl-C" not in seen:
            line = process.stdout.readline()
            assert line, seen
            seen += line
        yield environment
    finally:
        process.terminate()
        process.communicate(timeout=60)
        kill_all(unit_processes(Path(environment["DATA_DIR"])))


def pieces(kind: str, environment: dict[str, str]) -> list[str]:
    """The blocks of a language, with what differs here: port, folders and interpreter."""
    here = {
        "127.0.0.1:8000": f"127.0.0.1:{environment['PORT']}",
        ".venv/bin/python": sys.executable,
        "data/admin-password": f"{environment['DATA_DIR']}/admin-password",
        "/tmp/drive": f"{environment['TMPDIR']}/drive",  # noqa: S108
    }
    found = []
    for language, block in BLOCK.findall(PAGE.read_text()):
        if language == kind:
            for theirs, ours in here.items():
                block = block.replace(theirs, ours)  # noqa: PLW2901
            found.append(block)
    assert found
    return found


def run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        command,
        cwd=BASE_DIR,
        env={name: value for name, value in environment.items() if value},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.main_job
def test_each_command_of_the_page_runs(running: dict[str, str]) -> None:
    script = "\n".join(["set -euo pipefail", "exec 2>&1", "set -x", *pieces("sh", running)])
    output = run(["bash", "-c", script], running)
    assert '"code":"UNKNOWN_FIELD"' in output
    assert "event: end" in output
    output = run([sys.executable, "-c", "\n".join(pieces("python", running))], running)
    assert output.splitlines()[-1].startswith("COMPLETED NOT_EXPECTED")
