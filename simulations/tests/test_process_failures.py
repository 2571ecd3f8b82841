"""Runs with real processes that are killed, suspended or duplicated, and services that fail."""

import os
import signal
import time
from typing import Any

import pytest

from simulations.live import connection, silence
from simulations.models import AgentRun, Execution, Recording
from simulations.services.progress.results import summary
from simulations.services.runs import lifecycle
from simulations.tests.conftest import (
    MESSAGES,
    Design,
    ended,
    in_status,
    until,
)
from simulations.tests.processes import System, kill_all, unit_processes
from tests.support.ports import free_port

pytestmark = pytest.mark.django_db(transaction=True)

PASSES = 6
"""Of units that must still play when something happens to them, also on a busy machine."""
SILENCE_SECONDS = 8
"""Silence after which a unit is killed where that is tested."""


def assert_complete(execution: Execution, agents: int, passes: int = 1) -> None:
    """Every agent played everything once, and every recording is there."""
    ended(execution)
    outcome = summary(execution)
    assert (outcome["status"], outcome["data_status"]) == ("COMPLETED", "COMPLETE"), outcome
    assert outcome["messages_published"] == agents * passes * MESSAGES
    assert AgentRun.objects.filter(stage_run__execution=execution).count() == agents


def test_sequential_stages(system: System, design: Design, settings: Any) -> None:
    system.controller()
    execution = lifecycle.start(design(2, 1, delay_after=0.5))
    assert_complete(execution, 3)
    first, second = execution.stage_runs.order_by("position")
    assert (second.prepared_at - first.ended_at).total_seconds() >= 0.5
    assert not unit_processes(settings.DATA_DIR)
    until(lambda: not list((settings.DATA_DIR / "units").glob("execution-*")))
    sequences = list(execution.events.order_by("sequence").values_list("sequence", flat=True))
    assert sequences == list(range(1, len(sequences) + 1))


@pytest.mark.parametrize("state", ["PREPARING", "RUNNING", "FINALIZING"])
def test_controller_killed_in_status(state: str, system: System, design: Design) -> None:
    execution = lifecycle.start(design(2))
    first = system.controller()
    until(lambda: _reached(execution, state))
    first.send_signal(signal.SIGKILL)
    first.wait()
    system.controller()
    assert_complete(execution, 2)


def test_controller_killed_while_stopping(system: System, design: Design, settings: Any) -> None:
    first = system.controller()
    execution = lifecycle.start(design(2, repeat_count=100))
    until(lambda: AgentRun.objects.filter(status="RUNNING").count() == 2)
    first.send_signal(signal.SIGKILL)
    first.wait()
    lifecycle.stop(execution)
    system.controller()
    assert ended(execution).status == "STOPPED"
    assert execution.data_status == "COMPLETE"
    assert not unit_processes(settings.DATA_DIR)


def test_storage_unavailable_during_upload(system: System, design: Design, settings: Any) -> None:
    system.controller()
    execution = lifecycle.start(design(2, repeat_count=PASSES))
    until(lambda: AgentRun.objects.filter(status="RUNNING").count() == 2)
    away = settings.STORAGE_DIR.with_name("away")
    settings.STORAGE_DIR.rename(away)
    settings.STORAGE_DIR.write_text("no folder")
    until(lambda: AgentRun.objects.filter(status="UPLOADING").count() == 2)
    time.sleep(1)
    execution.refresh_from_db()
    assert execution.status == "RUNNING"
    back = away.with_name("back")
    back.symlink_to(away)
    back.replace(settings.STORAGE_DIR)  # at once: an upload in between would make another folder
    assert_complete(execution, 2, PASSES)


def _reached(execution: Execution, state: str) -> bool:
    execution.refresh_from_db()
    return execution.status == state or execution.ended


def test_two_controllers_agree_on_one_release(system: System, design: Design) -> None:
    system.controller()
    system.controller()
    execution = lifecycle.start(design(3, 2, pattern="parallel"))
    assert_complete(execution, 5)
    assert len({run.release_at for run in execution.stage_runs.all()}) == 1
    kinds = execution.events.filter(kind="execution.status").values_list("payload", flat=True)
    states = [payload["status"] for payload in kinds]
    assert states == ["PREPARING", "RUNNING", "FINALIZING", "COMPLETED"]


def test_redis_flushed_during_run(system: System, design: Design) -> None:
    system.controller()
    execution = lifecycle.start(design(2, repeat_count=PASSES))
    in_status(execution, "RUNNING")
    connection._client().flushdb()
    assert_complete(execution, 2, PASSES)


def test_stop_keeps_recordings(system: System, design: Design, settings: Any) -> None:
    system.controller()
    execution = lifecycle.start(design(2, repeat_count=100))
    in_status(execution, "RUNNING")
    until(lambda: AgentRun.objects.filter(status="RUNNING").count() == 2)
    lifecycle.stop(execution)
    ended(execution)
    outcome = summary(execution)
    assert (outcome["status"], outcome["data_status"]) == ("STOPPED", "COMPLETE")
    assert outcome["recordings"] == 1
    assert {run.status for run in AgentRun.objects.all()} == {"STOPPED"}
    assert not unit_processes(settings.DATA_DIR)


def test_stop_before_start(system: System, design: Design) -> None:
    execution = lifecycle.start(design(2, 2))
    lifecycle.stop(execution)
    system.controller()
    assert ended(execution).status == "STOPPED"
    assert {run.status for run in execution.stage_runs.all()} == {"SKIPPED"}


def test_execution_time_ends_stage(system: System, design: Design) -> None:
    system.controller()
    execution = lifecycle.start(design(1, repeat_count=1000, execution_time=4.0))
    assert ended(execution).status == "COMPLETED"
    assert 0 < AgentRun.objects.get().published <= 2 * MESSAGES


def test_killed_unit_is_lost(system: System, design: Design, settings: Any) -> None:
    system.controller()
    execution = lifecycle.start(design(1, repeat_count=100))
    in_status(execution, "RUNNING")
    kept = settings.DATA_DIR / "units"
    [file] = until(lambda: list(kept.glob("execution-*/unit-0/recording-1/**/*.mcap")))
    until(lambda: kill_all(unit_processes(settings.DATA_DIR)))
    ended(execution)
    assert (execution.status, execution.failure_code) == ("FAILED", "AGENT_LOST")
    assert execution.data_status == "INCOMPLETE"
    assert execution.failure_text
    assert AgentRun.objects.get().status == "LOST"
    assert str(file.parent) in Recording.objects.get().text
    assert file.exists()


def test_killed_unit_is_retried(system: System, design: Design, settings: Any) -> None:
    system.controller()
    execution = lifecycle.start(design(1, repeat_count=PASSES, retries=1))
    until(lambda: AgentRun.objects.filter(status="RUNNING").exists())
    until(lambda: kill_all(unit_processes(settings.DATA_DIR)))
    assert ended(execution).status == "COMPLETED"
    runs = AgentRun.objects.order_by("attempt")
    assert [(run.attempt, run.status) for run in runs] == [(1, "LOST"), (2, "COMPLETED")]
    assert runs[1].late


def test_suspended_unit_is_hung(system: System, design: Design, settings: Any) -> None:
    system.set("HUNG_AFTER_SECONDS", str(SILENCE_SECONDS))
    system.controller()
    execution = lifecycle.start(design(1, repeat_count=100))
    in_status(execution, "RUNNING")
    until(lambda: AgentRun.objects.filter(status="RUNNING").exists())
    for pid in unit_processes(settings.DATA_DIR):
        os.kill(pid, signal.SIGSTOP)
    ended(execution)
    assert (execution.status, execution.failure_code) == ("FAILED", "AGENT_HUNG")
    assert not unit_processes(settings.DATA_DIR)


@pytest.mark.parametrize("frozen", [True, False])
def test_server_away_during_run(system: System, design: Design, frozen: bool) -> None:
    """For longer than a unit may be silent: what cannot be heard is not hung."""
    port = free_port()
    server = system.server(port)
    system.set("HUNG_AFTER_SECONDS", str(SILENCE_SECONDS))
    system.controller()
    execution = lifecycle.start(design(2, repeat_count=14))
    until(lambda: AgentRun.objects.filter(status="RUNNING").count() == 2)
    server.send_signal(signal.SIGSTOP if frozen else signal.SIGKILL)
    time.sleep(SILENCE_SECONDS + silence.GAP_SECONDS + 4)
    if frozen:
        server.send_signal(signal.SIGCONT)
    else:
        server.wait()
        system.server(port)
    ended(execution)
    outcome = summary(execution)
    assert (outcome["status"], outcome["data_status"]) == ("COMPLETED", "COMPLETE"), outcome
    assert outcome["messages_published"] == 2 * 14 * MESSAGES
