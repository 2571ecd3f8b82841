"""Registration of units: one attempt for each process, however often its request arrives."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from agent.protocol import PROTOCOL, Registration
from simulations.exceptions import SupersededError, UnitRefusedError
from simulations.models import AgentRun, Execution, StageRun
from simulations.services.runs import lifecycle, registration
from simulations.tests.conftest import Design
from templates.models import Template
from templates.services import templates

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage_run(design: Design) -> StageRun:
    """A stage of two agents in one unit that was launched."""
    execution = lifecycle.start(design(2))
    Execution.objects.update(status="PREPARING")
    StageRun.objects.update(status="PREPARING", handle="there")
    return execution.stage_runs.get()


def register(stage_run: StageRun, process: str = "") -> int:
    """Register the unit, and return its attempt."""
    message = Registration(
        protocol=PROTOCOL, stage_run=stage_run.pk, unit=0, host="here", pid=1, process=process
    )
    return registration.register(stage_run.execution_id, message).attempt


def test_each_process_gets_an_attempt_of_its_own(stage_run: StageRun) -> None:
    assert [register(stage_run, process) for process in ("a", "b", "", "")] == [1, 2, 3, 4]
    assert AgentRun.objects.unfinished().filter(attempt=4).count() == 2
    assert AgentRun.objects.unfinished().count() == 2


def test_a_process_that_registers_again_keeps_its_attempt(stage_run: StageRun) -> None:
    """The answer did not reach it, or its earlier request was late."""
    assert [register(stage_run, "a"), register(stage_run, "a")] == [1, 1]
    assert not stage_run.execution.events.filter(kind="unit.retried").exists()
    register(stage_run, "b")
    with pytest.raises(SupersededError):
        register(stage_run, "a")
    assert set(AgentRun.objects.unfinished().values_list("attempt", flat=True)) == {2}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("processes", "attempts"), [("aaaa", [1, 1, 1, 1]), ("abcd", [1, 2, 3, 4])]
)
def test_registrations_at_once(stage_run: StageRun, processes: str, attempts: list[int]) -> None:
    def in_thread(process: str) -> int:
        try:
            return register(stage_run, process)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(in_thread, processes)) == attempts


def test_a_closed_stage_accepts_no_registration(stage_run: StageRun) -> None:
    StageRun.objects.update(status="FINALIZING")
    with pytest.raises(UnitRefusedError):
        register(stage_run)
    assert not AgentRun.objects.exists()


def test_registration_is_refused_if_rosbag_was_purged(stage_run: StageRun) -> None:
    plan: dict[str, Any] = stage_run.execution.plan
    plan["stages"][0]["rosbag"] = 0
    Execution.objects.update(plan=plan)
    with pytest.raises(UnitRefusedError, match="removed"):
        register(stage_run)


def test_the_assignment_has_the_longest_gap_of_the_template(
    design: Design, template: Template
) -> None:
    templates.update(template, max_gap_seconds=2.5)
    stage_run = lifecycle.start(design()).stage_runs.get()
    Execution.objects.update(status="PREPARING")
    StageRun.objects.update(status="PREPARING", handle="there")
    message = Registration(protocol=PROTOCOL, stage_run=stage_run.pk, unit=0, host="here", pid=1)
    assignment = registration.register(stage_run.execution_id, message)
    assert assignment.max_gap_seconds == 2.5
