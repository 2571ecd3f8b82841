"""Fixtures: those of simulations, and the health of a system that works."""

from collections.abc import Iterator

import pytest

from robotsim_project.health import checks, dependencies
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
def unobserved(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget what other tests have seen of the dependencies, and end checks before the database is gone."""
    # On a busy machine the thread of a check may take longer than the patience with a dependency that hangs.
    monkeypatch.setattr(checks, "PATIENCE_SECONDS", 60)
    for check in dependencies.CHECKS.values():
        check.observation = None
    yield
    dependencies.check()
