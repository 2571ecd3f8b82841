"""Reports of units: delayed, repeated, and to closed stages."""

from typing import Any

import pytest
from django.db import OperationalError

from agent.protocol import Failure
from simulations.live import connection, heartbeats, logs
from simulations.models import AgentRun, StageRun
from simulations.services.plan import plan_of
from simulations.services.runs import fleet, reports
from simulations.services.runs.active_stage import ActiveStage
from simulations.tests.conftest import snapshot

pytestmark = pytest.mark.django_db


def states() -> set[str]:
    return set(AgentRun.objects.values_list("status", flat=True))


def test_unchanged_heartbeat_takes_one_query(
    stage_run: StageRun, django_assert_num_queries: Any
) -> None:
    reports.report(stage_run.execution_id, snapshot(stage_run, "RUNNING"))
    with django_assert_num_queries(1):
        reports.report(stage_run.execution_id, snapshot(stage_run, "RUNNING", 2))


def test_delayed_snapshot_does_not_revert_agents(stage_run: StageRun) -> None:
    reports.report(stage_run.execution_id, snapshot(stage_run, "RUNNING", 2))
    reports.report(stage_run.execution_id, snapshot(stage_run, "READY", 1))
    assert states() == {"RUNNING"}


def test_snapshot_does_not_revive_ended_agents(
    stage_run: StageRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The controller gives the unit up between the look at its rows and the writing."""
    look = reports._read_rows

    def then_lost(*place: Any) -> Any:
        standing = look(*place)
        AgentRun.objects.update(status="LOST", failure_code="AGENT_HUNG")
        return standing

    monkeypatch.setattr(reports, "_read_rows", then_lost)
    reports.report(stage_run.execution_id, snapshot(stage_run, "RUNNING"))
    assert states() == {"LOST"}


def test_lost_agent_keeps_statistics_of_last_snapshot(stage_run: StageRun) -> None:
    reports.report(stage_run.execution_id, snapshot(stage_run, "RUNNING", 1))
    reports.report(
        stage_run.execution_id, snapshot(stage_run, "RUNNING", 2, published=17, log="a line")
    )
    stage_run.failure_code = "AGENT_LOST"
    fleet.give_up(ActiveStage(stage_run, plan_of(stage_run.execution)))
    run = AgentRun.objects.first()
    assert run is not None
    assert (run.status, run.published, run.last_log) == ("LOST", 17, "a line")


def test_repeated_log_lines_are_stored_once(stage_run: StageRun) -> None:
    for sequence, (offset, log) in enumerate([(0, "ab"), (0, "ab"), (1, "bcd"), (4, "e")], 1):
        logs.append(
            stage_run.execution_id,
            snapshot(stage_run, "RUNNING", sequence, log_offset=offset, log=log),
        )
    assert logs.tail(stage_run.execution_id, stage_run.pk, 0) == "abcde"


def test_missed_snapshots_are_counted(stage_run: StageRun) -> None:
    for sequence in (1, 2, 5, 6):
        reports.report(stage_run.execution_id, snapshot(stage_run, "RUNNING", sequence))
    assert heartbeats.count_snapshots(stage_run.execution_id) == (4, 2)
    connection._client().flushdb()
    for sequence in (7, 8):  # what Redis has lost was heard
        reports.report(stage_run.execution_id, snapshot(stage_run, "RUNNING", sequence))
    assert heartbeats.count_snapshots(stage_run.execution_id) == (2, 0)


def test_disk_full_failure_code(stage_run: StageRun) -> None:
    failure = Failure(code="DISK_FULL", text="No space is left.")
    message = snapshot(stage_run, "FAILED", failure=failure, final=True)
    reports.report(stage_run.execution_id, message)
    assert set(AgentRun.objects.values_list("failure_code", flat=True)) == {"DISK_FULL"}


def test_reports_do_not_wait_for_redis(
    stage_run: StageRun, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After one failure the next words do not try."""
    tried = []

    def away() -> Any:
        tried.append(1)
        raise connection.RedisError("away")

    fresh = connection._Connector()
    monkeypatch.setattr(connection, "_connector", fresh)
    with monkeypatch.context() as gone:
        gone.setattr(connection, "_client", away)
        for sequence in range(1, 5):
            reports.report(stage_run.execution_id, snapshot(stage_run, "RUNNING", sequence))
    assert len(tried) == 1


def test_a_report_that_the_database_cannot_take_is_heard(
    stage_run: StageRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OperationalError("could not extend file: No space left on device")

    monkeypatch.setattr(reports, "_write_changes", full)
    with pytest.raises(OperationalError):
        reports.report(stage_run.execution_id, snapshot(stage_run, "UPLOADING"))
    assert set(heartbeats.last_times(stage_run.execution_id, stage_run.pk)) == {0}


def test_log_characters_that_databases_refuse_are_removed(stage_run: StageRun) -> None:
    failure = Failure(code="BAG_INVALID", text="bad\0 header")
    last = snapshot(stage_run, "FAILED", failure=failure, log="read\0\n", final=True)
    reports.report(stage_run.execution_id, last)
    rows = AgentRun.objects.values_list("failure_text", "last_log")
    assert set(rows) == {("bad header", "read\n")}
