"""The backend in the health of the system, by what units of active executions wait for."""

from typing import Any

import pytest

from robotsim_project.console.system import health
from simulations.models import Execution, Simulation, StageRun
from simulations.services.designs import mecs

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage_run(empty_redis: None, settings: Any, tmp_path: Any) -> StageRun:
    """A stage run that is being prepared."""
    settings.DATA_DIR = settings.STORAGE_DIR = tmp_path
    mec = mecs.ensure("nowhere", name="Nowhere", transport="null")
    simulation = Simulation.objects.create(name="drive", mec=mec)
    execution = Execution.objects.create(simulation=simulation, number=1, plan={})
    return StageRun.objects.create(execution=execution, position=1, units=2, status="PREPARING")


def backend() -> tuple[str, str, str]:
    parts = health.read(active=True).parts
    part = next(part for part in parts if part.name == "backend")
    return part.tone, part.state, part.detail


@pytest.mark.parametrize(
    ("code", "tone", "state"),
    [("UNSCHEDULABLE", "warn", "units wait"), ("BACKEND_UNAVAILABLE", "bad", "no answer")],
)
def test_waiting_units(stage_run: StageRun, code: str, tone: str, state: str) -> None:
    assert backend()[0] == "ok"
    StageRun.objects.update(waiting={"code": code, "reason": "for a reason.", "units": 2})
    shown = backend()
    assert shown[:2] == (tone, state)
    assert shown[2].endswith("for a reason.")
    Execution.objects.update(status="FAILED")
    assert backend()[0] == "ok"
