"""States of all agents, from their rows and the newest snapshots."""

from typing import Any

from agent.protocol import AgentReport, AgentState, Snapshot
from simulations.live import snapshots
from simulations.models import AgentRun, Execution, StageRun
from simulations.services.plan import plan_of
from simulations.services.progress.agent_states import StageStates, stage_states
from simulations.services.progress.histograms import histogram
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Design


def begun(design: Design, *agents: int) -> Execution:
    execution = lifecycle.start(design(*agents))
    Execution.objects.update(status="RUNNING")
    execution.refresh_from_db()
    return execution


def stage_of(execution: Execution, position: int = 1) -> StageRun:
    return execution.stage_runs.get(position=position)


def row(execution: Execution, number: int, status: str, **fields: Any) -> None:
    stage = fields.pop("stage", None) or stage_of(execution)
    AgentRun.objects.create(stage_run=stage, number=number, unit=0, status=status, **fields)


def heard(execution: Execution, *states: str, attempt: int = 1, **fields: Any) -> None:
    """Store a snapshot of the first unit, with the states of agents from 1."""
    reports = tuple(
        AgentReport(number=number, state=AgentState(state), lateness_p99_us=70.0, start_skew_us=-5)
        for number, state in enumerate(states, 1)
    )
    stage = stage_of(execution).pk
    message = {"stage_run": stage, "unit": 0, "attempt": attempt, "sequence": 1, "sent_ns": 1}
    snapshots.store(execution.pk, Snapshot(**message, agents=reports, **fields))


def states(execution: Execution) -> list[StageStates]:
    runs = list(execution.stage_runs.order_by("position").values_list("pk", "position"))
    return stage_states(execution, plan_of(execution), runs)


def test_agents_without_a_report_are_pending_and_stages_are_apart(design: Design) -> None:
    execution = begun(design, 3, 2)
    row(execution, 2, "COMPLETED", lateness_p99_us=50)
    row(execution, 4, "FAILED", stage=stage_of(execution, 2))
    first, second = states(execution)
    assert (first.first, first.codes, first.lateness_us) == (1, "-c-", [50])
    assert (second.first, second.codes) == (4, "f-")


def test_snapshots_are_newer_than_rows_that_have_not_ended(design: Design) -> None:
    execution = begun(design, 3)
    row(execution, 1, "READY")
    row(execution, 2, "LOST", lateness_p99_us=9)
    heard(execution, "RUNNING", "RUNNING", "UPLOADING")
    (stage,) = states(execution)
    assert (stage.codes, stage.lateness_us, stage.skew_us) == ("Rlu", [70, 9, 70], [-5, -5])


def test_the_newest_attempt_counts(design: Design) -> None:
    execution = begun(design, 2)
    row(execution, 1, "LOST", attempt=1)
    row(execution, 1, "STARTING", attempt=2)
    row(execution, 2, "LOST", attempt=1)
    heard(execution, "RUNNING", "RUNNING", attempt=2)
    assert states(execution)[0].codes == "RR"
    heard(execution, "FAILED", "FAILED", attempt=1)
    assert states(execution)[0].codes == "sl"


def test_agents_that_joined_late_have_no_skew(design: Design) -> None:
    execution = begun(design, 2)
    row(execution, 1, "COMPLETED", start_skew_us=4e6, late=True)
    heard(execution, "RUNNING", "RUNNING", late=True)
    (stage,) = states(execution)
    assert (stage.skew_us, stage.late) == ([], 2)


def test_snapshots_of_an_ended_execution_do_not_count(design: Design) -> None:
    execution = begun(design, 1)
    heard(execution, "RUNNING")
    execution.status = "STOPPED"
    assert states(execution)[0].codes == "-"


def test_histograms_have_round_bounds_and_leave_outliers_out() -> None:
    assert histogram([]) is None
    even = histogram([float(value) for value in range(1, 901)], bins=10)
    assert even is not None
    assert (even.high, even.above, even.worst) == (1000.0, 0, 900.0)
    assert even.counts == [99, 100, 100, 100, 100, 100, 100, 100, 100, 1]
    far = histogram([float(value) for value in range(1, 901)] + [5e6], bins=10)
    assert far is not None
    assert (far.high, far.above, far.worst) == (1000.0, 1, 5e6)
    nothing = histogram([0.0, 0.0])
    assert nothing is not None
    assert (nothing.high, nothing.counts[0]) == (1.0, 2)
