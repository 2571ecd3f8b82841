"""Fixtures: those of simulations, and the health of a system that works."""

from collections.abc import Iterator

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
def unobserved(db: None) -> Iterator[None]:
    """Forget what other tests have seen of the dependencies, and end checks before the database is gone."""
    for check in dependencies.CHECKS.values():
        check.observation = None
    yield
    dependencies.check()
