"""Fixtures of browser tests; see README.md."""

from collections.abc import Iterator

import pytest

from tests.console.browsing import Console, a_browser
from tests.console.system import ConsoleSystem, a_console


def seed(system: ConsoleSystem) -> None:
    system.call("rows.fill", str(system.world.folder / "bags"))


@pytest.fixture(scope="session")
def seeded_system() -> Iterator[ConsoleSystem]:
    """A web server and rows of every kind; nothing changes them. Shared by all tests of a process."""
    with a_console("web", prepare=seed) as system:
        yield system


@pytest.fixture(scope="module")
def live_system() -> Iterator[ConsoleSystem]:
    """An empty system with web server, controller and worker. Shared by the tests of a file."""
    with a_console("web", "controller", "worker") as system:
        yield system


@pytest.fixture
def console(seeded_system: ConsoleSystem) -> Iterator[Console]:
    """A browser on the seeded system; the test fails on whatever goes wrong on its pages."""
    with a_browser(seeded_system) as browser:
        yield browser
    assert browser.problems == []


@pytest.fixture
def live_console(live_system: ConsoleSystem) -> Iterator[Console]:
    """A browser on the live system; the test fails on whatever goes wrong on its pages."""
    with a_browser(live_system) as browser:
        yield browser
    assert browser.problems == []
