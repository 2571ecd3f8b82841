"""A unit without valid settings ends at once, with one line that says what to set."""

import subprocess
import sys
from pathlib import Path

import pytest

from agent.settings import EXAMPLES

ROOT = Path(__file__).parents[2]


def refusal(environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "agent"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2  # another attempt would fail as well
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_all_missing_variables_are_named() -> None:
    stderr = refusal({})
    assert all(f"{name}={example}" in stderr for name, example in EXAMPLES.items())


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_missing_variable_is_named(name: str) -> None:
    stderr = refusal({**EXAMPLES, name: ""})
    assert stderr.startswith(f"Not set: {name}. For example: {name}={EXAMPLES[name]}")


@pytest.mark.parametrize("name", ["ROBOTSIM_STAGE_RUN", "ROBOTSIM_UNIT"])
def test_a_variable_that_is_not_an_integer_is_named(name: str) -> None:
    assert f"{name} must be an integer" in refusal({**EXAMPLES, name: "first"})
