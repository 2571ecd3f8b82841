"""Every benchmark runs to its end at its smallest size, and prints figures."""

import os
import re
import subprocess
import sys

import pytest

from robotsim_project.environment import BASE_DIR
from scripts.list_benchmarks import benchmarks
from tests.deployment.node.needs import missing

OURS = ("DATABASE_URL", "REDIS_URL", "DATA_DIR", "MINIO_ENDPOINT", "ENVIRONMENT")
"""Of the test's own servers; a benchmark starts what it needs."""


CLUSTER = {"cluster"}
"""On a control plane, by programs that `make test-node` builds."""
NODE = {"bare_pods", "pods"}
"""On a real node."""


def marks(name: str) -> list[pytest.MarkDecorator]:
    if name in NODE:
        return [pytest.mark.node, pytest.mark.skipif(bool(missing()), reason=missing())]
    return [pytest.mark.node] if name in CLUSTER else []


@pytest.mark.parametrize(
    "name", [pytest.param(path.stem, marks=marks(path.stem)) for path in benchmarks()]
)
def test_it_runs(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", "--tiny"],
        cwd=BASE_DIR,
        env={key: value for key, value in os.environ.items() if key not in OURS},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d", done.stdout), done.stderr
