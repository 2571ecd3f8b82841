"""Removal of leftovers by a controller: now and then, and a failure is logged once."""

import pytest
from structlog.testing import capture_logs

from robotsim_project.processes import leftovers
from simulations.exceptions import BackendError


def test_a_failure_is_logged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    problems = ["away", "away", ""]

    def remove() -> int:
        if problem := problems.pop(0):
            raise BackendError(problem)
        return 2

    monkeypatch.setattr(leftovers, "remove_leftovers", remove)
    sweep = leftovers.Leftovers()
    sweep.remove()
    sweep.remove()
    assert len(problems) == 2  # the next one is not due yet
    monkeypatch.setattr(leftovers, "PAUSE_SECONDS", 0.0)
    sweep = leftovers.Leftovers()
    problems.insert(0, "away")
    with capture_logs() as lines:
        for _sweep in range(4):
            if problems:
                sweep.remove()
    events = [line["event"] for line in lines]
    assert events == ["leftovers_not_removed", "leftovers_removed", "leftovers_removed_again"]
