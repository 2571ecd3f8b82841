"""A unit that is not told which it is ends at once, in one line that says what to set."""

import subprocess
import sys
from pathlib import Path

import pytest

from agent.settings import EXAMPLES

ROOT = Path(__file__).parents[2]


def refused(environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "agent"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2  # another attempt would end the same
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_without_any_variable() -> None:
    said = refused({})
    assert all(f"{name}={example}" in said for name, example in EXAMPLES.items())


@pytest.mark.parametrize("name", EXAMPLES)
def test_without_one(name: str) -> None:
    said = refused({**EXAMPLES, name: ""})
    assert said.startswith(f"Not set: {name}. For example: {name}={EXAMPLES[name]}")


@pytest.mark.parametrize("name", ["ROBOTSIM_STAGE_RUN", "ROBOTSIM_UNIT"])
def test_what_must_be_a_number(name: str) -> None:
    assert f"{name} must be a whole number" in refused({**EXAMPLES, name: "first"})
