"""The OpenAPI schema is complete: a fuzzer finds no undocumented response and no 5xx.

All operations are called on a real server on PostgreSQL and Redis with one of everything in the database, by
an admin and anonymously. `ROBOTSIM_FUZZ_EXAMPLES` is the number of random requests per operation; the
default is small.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.seed import Seeded, seed
from tests.support.serving import Server

EXAMPLES = int(os.environ.get("ROBOTSIM_FUZZ_EXAMPLES", "4"))
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "negative_data_rejection",
    "described_is_taken",
    "missing_required_header",
    "ignored_auth",
    "use_after_free",
]
HOOKS = Path(__file__).with_name("fuzz_hooks.py")
CONFIG = f"""
hooks = "{HOOKS}"
warnings = false
continue-on-failure = true
request-timeout = 120

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "304", "401", "403", "404", "409", "410", "412", "416", "422", "429"]

[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "406", "409", "410", "413", "415", "422", "429"]

[generation]
deterministic = true
database = "none"
no-shrink = true
"""


def configuration(seeded: Seeded) -> str:
    """Parameters for the fuzzer: mostly existing ids."""
    lines = [CONFIG]
    for resource, ids in seeded.ids.items():
        lines.append(f"[dictionaries.{resource}]\nvalues = {json.dumps(ids)}\n")
    for resource in seeded.ids:
        lines.append(
            f'[[operations]]\ninclude-path-regex = "/{resource}/[{{]id[}}]"\n'
            f'parameters = {{ "path.id" = {{ dictionary = "{resource}", probability = 0.7 }} }}\n'
        )
    return "\n".join(lines)


@pytest.fixture
def seeded(transactional_db: None, empty_redis: None, settings: Any, tmp_path: Path) -> Seeded:
    settings.STORAGE_DIR = tmp_path / "objects"
    settings.DATA_DIR = tmp_path / "data"
    return seed(tmp_path)


@pytest.fixture
def server(
    seeded: Seeded, process_environment: dict[str, str], settings: Any, tmp_path: Path
) -> Iterator[Server]:
    folders = {"STORAGE_DIR": str(settings.STORAGE_DIR), "DATA_DIR": str(settings.DATA_DIR)}
    secret = {"SECRET_KEY": settings.SECRET_KEY, "LOG_LEVEL": "ERROR"}
    with Server({**process_environment, **folders, **secret}, tmp_path / "server.log") as running:
        yield running


def fuzz(folder: Path, server: Server, config: str, *words: str) -> None:
    (folder / "schemathesis.toml").write_text(config)
    command = [str(Path(sys.executable).with_name("schemathesis")), "run"]
    done = subprocess.run(
        [
            *command,
            f"{server.url}/api/v1/schema",
            "--no-color",
            f"--checks={','.join(CHECKS)}",
            f"--max-examples={EXAMPLES}",
            *words,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{server.log_tail()}"


def test_as_an_admin(seeded: Seeded, server: Server, tmp_path: Path) -> None:
    bearer = f"Authorization: Bearer {seeded.token}"
    # Signing out everywhere would end the walk.
    spared = ["--exclude-operation-id=me_sessions_end", "--exclude-operation-id=executions_stream"]
    fuzz(tmp_path, server, configuration(seeded), "--header", bearer, *spared)
    assert server.get("/api/v1/me", seeded.token)["email"] == seeded.admin.email


def test_as_nobody(seeded: Seeded, server: Server, tmp_path: Path) -> None:
    fuzz(tmp_path, server, configuration(seeded), "--phases=examples,fuzzing")
