"""The calculation of progress: correct for given snapshots, never above 100, never falling."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent.protocol import Link
from simulations.choices import RunStatus
from simulations.live.unit_counts import UnitCount
from simulations.services.plan import Plan, PlanStage
from simulations.services.progress.calculation import Inputs, StageInputs, calculate

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def stage(position: int, agents: int = 2, **own: Any) -> PlanStage:
    """A stage of ten messages in ten seconds, once, unless said otherwise."""
    defaults: dict[str, Any] = {
        "messages_a_pass": 10,
        "seconds_a_pass": 10.0,
        "rate": 1.0,
        "execution_time": 0.0,
        "repeats": 1,
        "delay_after": 0.0,
    }
    return PlanStage(
        position=position,
        name=f"stage {position}",
        template=1,
        template_name="t",
        template_version=1,
        robot_type="",
        rosbag=1,
        rosbag_digest="",
        topics=("/odom",),
        record=(),
        record_own=False,
        agents=agents,
        first_agent=1,
        area="",
        retries=0,
        min_success=100,
        continue_on_failure=False,
        **(defaults | own),
    )


def plan(*stages: PlanStage, pattern: str = "sequential") -> Plan:
    return Plan(
        pattern=pattern,
        mec=1,
        mec_name="m",
        link=Link(transport="null"),
        namespace_prefix="/agent_",
        backend="local",
        agents_per_unit=1,
        stages=stages,
    )


def run(position: int, status: str, **own: Any) -> StageInputs:
    moments = {"release_at": None, "agents_ended_at": None, "ended_at": None}
    return StageInputs(pk=position, position=position, status=status, **(moments | own))


def inputs(*stages: StageInputs, status: str = RunStatus.RUNNING, **own: Any) -> Inputs:
    defaults: dict[str, Any] = {"stop_asked_at": None, "ended_at": None, "data_status": "PENDING"}
    return Inputs(status=status, event_count=3, stages=stages, **(defaults | own))


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def ahead(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_totals_and_stages_from_snapshots() -> None:
    unit_counts = {
        (1, 0, 1): UnitCount({"COMPLETED": 2}, 20),
        (2, 0, 1): UnitCount({"RUNNING": 1}, 5),
        (2, 1, 1): UnitCount({"READY": 1}, 0),
    }
    progress = calculate(
        plan(stage(1), stage(2, agents=3)),
        inputs(
            run(1, RunStatus.COMPLETED, ended_at=ago(5)),
            run(2, RunStatus.RUNNING, release_at=ago(4)),
        ),
        unit_counts,
        NOW,
    )
    first, second = progress.stages
    assert (first.percent, first.agents, first.messages_published) == (100.0, {"COMPLETED": 2}, 20)
    assert second.percent == pytest.approx(5 / 30 * 100, abs=0.01)
    assert second.agents == {"RUNNING": 1, "READY": 1, "PENDING": 1}
    assert progress.agents == {"COMPLETED": 2, "RUNNING": 1, "READY": 1, "PENDING": 1}
    assert progress.messages_published == 25
    assert progress.overall == pytest.approx((2 * 100 + 3 * 5 / 30 * 100) / 5, abs=0.01)
    assert progress.expected_end == ahead(6)
    assert (first.expected_end, second.expected_end) == (ago(5), ahead(6))


def test_retry_does_not_lower_progress() -> None:
    design, values = plan(stage(1)), inputs(run(1, RunStatus.RUNNING, release_at=ago(4)))
    once = calculate(design, values, {(1, 0, 1): UnitCount({"RUNNING": 2}, 12)}, NOW)
    again = {(1, 0, 1): UnitCount({"RUNNING": 2}, 12), (1, 0, 2): UnitCount({"STARTING": 2}, 0)}
    twice = calculate(design, values, again, NOW, once)
    assert (once.overall, twice.overall) == (60.0, 60.0)
    assert twice.agents == {"STARTING": 2}
    assert twice.messages_published == 12
    without_memory = calculate(design, values, again, NOW)
    assert without_memory.overall == 0.0


def test_progress_is_bounded_and_divides_by_zero_safely() -> None:
    more = {(1, 0, 1): UnitCount({"RUNNING": 2}, 10**9)}
    running = inputs(run(1, RunStatus.RUNNING, release_at=ago(4)))
    assert calculate(plan(stage(1)), running, more, NOW).overall == 100.0
    empty = plan(stage(1, messages_a_pass=0))
    assert calculate(empty, running, more, NOW).overall == 0.0
    assert calculate(plan(stage(1, agents=0)), running, {}, NOW).overall == 0.0


def test_an_estimated_number_of_messages_is_not_all() -> None:
    about = plan(stage(1, messages_known=False))
    more = {(1, 0, 1): UnitCount({"RUNNING": 2}, 21)}
    running = inputs(run(1, RunStatus.RUNNING, release_at=ago(4)))
    assert calculate(about, running, more, NOW).overall == 99.0
    fewer = {(1, 0, 1): UnitCount({"COMPLETED": 2}, 19)}
    assert calculate(about, inputs(run(1, RunStatus.COMPLETED)), fewer, NOW).overall == 100.0


def test_time_limit_counts_until_stop() -> None:
    limited = plan(stage(1, execution_time=100.0, repeats=1000))
    running = inputs(run(1, RunStatus.RUNNING, release_at=ago(40)))
    assert calculate(limited, running, {}, NOW).overall == 40.0
    stopping = inputs(
        run(1, RunStatus.RUNNING, release_at=ago(40)), status="STOPPING", stop_asked_at=ago(10)
    )
    assert calculate(limited, stopping, {}, NOW).overall == 30.0
    stopped = inputs(
        run(1, RunStatus.STOPPED, release_at=ago(40), ended_at=ago(2)),
        run(2, RunStatus.SKIPPED, ended_at=ago(2)),
        status="STOPPED",
        stop_asked_at=ago(10),
        ended_at=ago(1),
    )
    progress = calculate(plan(*limited.stages, stage(2)), stopped, {}, NOW)
    assert [stage_progress.percent for stage_progress in progress.stages] == [30.0, 0.0]
    assert progress.stages[1].agents == {}
    assert progress.expected_end == ago(1)


def test_expected_end_includes_remaining_stages_and_delays() -> None:
    running = run(1, RunStatus.RUNNING, release_at=ago(4))
    waits = run(2, RunStatus.PENDING)
    two = (stage(1, delay_after=7.0), stage(2, repeats=3, execution_time=20.0))
    assert calculate(plan(*two), inputs(running, waits), {}, NOW).expected_end == ahead(6 + 7 + 20)
    at_once = inputs(running, run(2, RunStatus.RUNNING, release_at=ago(4)))
    assert calculate(plan(*two, pattern="parallel"), at_once, {}, NOW).expected_end == ahead(16)


def test_expected_end_without_rate_and_limit_needs_messages() -> None:
    unpaced = plan(stage(1, rate=0.0, seconds_a_pass=0.0), stage(2))
    running = inputs(run(1, RunStatus.RUNNING, release_at=ago(4)), run(2, RunStatus.PENDING))
    assert calculate(unpaced, running, {}, NOW).expected_end is None
    sent = {(1, 0, 1): UnitCount({"RUNNING": 2}, 5)}
    progress = calculate(unpaced, running, sent, NOW)
    assert progress.stages[0].expected_end == ahead(12)
    assert progress.expected_end == ahead(22)
