"""Living processes renew their leases before a controller looks for those of dead ones."""

from typing import Any

import pytest

from robotsim_project.processes import sweeps
from robotsim_project.processes.sweeps import SWEEP_SECONDS, Sweeps

LEASE = 6.0


class Clocks:
    """The two clocks of a machine."""

    def __init__(self) -> None:
        self.now, self.steady = 1_800_000_000.0, 100.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.steady

    def go_on(self, seconds: float) -> None:
        self.now += seconds
        self.steady += seconds


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Clocks:
    settings.TASK_LEASE_SECONDS = LEASE
    clocks = Clocks()
    monkeypatch.setattr(sweeps, "time", clocks)
    return clocks


@pytest.fixture
def steady(clocks: Clocks) -> Sweeps:
    """The sweeps of a controller that has swept once."""
    steady = Sweeps()
    assert not steady.is_due()
    clocks.go_on(LEASE)
    assert steady.is_due()
    return steady


def test_a_sweep_is_due_each_second(steady: Sweeps, clocks: Clocks) -> None:
    assert not steady.is_due()
    clocks.go_on(SWEEP_SECONDS)
    assert steady.is_due()


def test_an_outage_postpones_the_sweep_by_a_lease(steady: Sweeps, clocks: Clocks) -> None:
    steady.postpone()
    clocks.go_on(LEASE - 0.1)
    assert not steady.is_due()
    clocks.go_on(0.1)
    assert steady.is_due()


@pytest.mark.parametrize("leap", [3600.0, -3600.0])
def test_so_does_a_suspended_machine(steady: Sweeps, clocks: Clocks, leap: float) -> None:
    clocks.now += leap
    clocks.go_on(SWEEP_SECONDS)
    assert not steady.is_due()
    clocks.go_on(LEASE)
    assert steady.is_due()
