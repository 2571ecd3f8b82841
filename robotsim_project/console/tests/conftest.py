"""Fixtures: those of simulations, and the health of a system that works."""

import pytest

from robotsim_project.health import dependencies
from simulations.tests.conftest import (
    console,
    design,
    mec,
    own_folders,
    rosbag,
    template,
)

__all__ = ["console", "design", "mec", "own_folders", "rosbag", "template"]


@pytest.fixture(autouse=True)
def unobserved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what other tests have seen of the dependencies."""
    for check in dependencies.CHECKS.values():
        monkeypatch.setattr(check, "observation", None)
