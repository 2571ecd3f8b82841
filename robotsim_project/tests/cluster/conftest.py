"""What the tests of the cluster stand on: a control plane of its own for each file of tests."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from robotsim_project.tests.cluster.control_plane import ControlPlane


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs what `make test-cluster` builds."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("cluster")


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    running = ControlPlane(tmp_path_factory.mktemp("cluster") / "plane")
    try:
        running.start()
        yield running
    finally:
        running.stop()


def until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """Wait for a condition; its value. The time is a bound against hanging, not an expectation."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.2)
    raise AssertionError("it never came to be")
