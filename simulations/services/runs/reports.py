"""Reports of units: heartbeats, and the final one with all figures."""

import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from django.utils import timezone
from django.utils.translation import gettext as _

from agent.protocol import AgentReport, Answer, Command, Failure, Snapshot
from common.db.text import storable
from simulations.choices import AGENT_ENDED, PLAYING, AgentStatus, FailureCode
from simulations.exceptions import RedisUnreachableError, SupersededError
from simulations.failures import failure
from simulations.live import logs, snapshots
from simulations.models import AgentRun
from simulations.services.runs import link_changes
from simulations.services.runs.registration import newest_attempt

MAX_LAST_LOG = 4000
"""Characters of a log that are stored with an agent run."""


class _UnitRows(NamedTuple):
    """The values that a heartbeat needs: statuses, and the rows of the unit's newest attempt."""

    execution: str
    stage: str
    release_at: datetime | None
    attempt: int
    agents: list[tuple[int, int, str]]
    """Primary key, agent number and status."""
    link_changes: int
    """Number of times that the unit's link is known to have broken or come back."""


def report(execution_id: int, message: Snapshot) -> Answer:
    """Store a heartbeat, and answer with the current command.

    Changes are committed before it returns.

    Raises:
        SupersededError: A newer attempt has taken over.
        UnitRefusedError: There is no such unit in this execution.
    """
    received = time.time_ns()
    rows = _read_rows(execution_id, message.stage_run, message.unit)
    if message.attempt != rows.attempt:
        raise SupersededError(_("A newer attempt of this unit has taken over."))
    agents = [pk for pk, _number, _status in rows.agents]
    try:
        link_changes.record(execution_id, agents, rows.link_changes, message)
        _write_changes(execution_id, rows, message)
    finally:  # it was heard, even if the database is full or read-only
        # Without Redis the run goes on from the database; the next heartbeat fills it again.
        with suppress(RedisUnreachableError):
            snapshots.store(execution_id, message)
    with suppress(RedisUnreachableError):
        logs.append(execution_id, message)
    command, release, reason = _command(rows)
    return Answer(
        command=command,
        received_ns=received,
        sent_ns=time.time_ns(),
        release_ns=release,
        log_received=message.log_offset + len(message.log),
        reason=reason,
    )


def _read_rows(execution_id: int, stage_run_id: int, unit: int) -> _UnitRows:
    """Read all that a heartbeat needs in one query of few columns, as each unit sends one per second."""
    agents = AgentRun.objects.filter(
        stage_run=stage_run_id, stage_run__execution=execution_id, unit=unit
    ).order_by("attempt")
    rows = list(
        agents.values_list(
            "stage_run__execution__status",
            "stage_run__status",
            "stage_run__release_at",
            "attempt",
            "pk",
            "number",
            "status",
            "link_changes",
        )
    )
    if not rows:
        newest = newest_attempt(execution_id, stage_run_id, unit)
        run = newest.stage_run
        return _UnitRows(run.execution.status, run.status, run.release_at, newest.attempt, [], 0)
    execution, stage, release_at, attempt = rows[-1][:4]
    newest_rows = [row[4:7] for row in rows if row[3] == attempt]
    return _UnitRows(execution, stage, release_at, attempt, newest_rows, rows[-1][7])


def _command(rows: _UnitRows) -> tuple[Command, int | None, str]:
    if rows.execution not in PLAYING or rows.stage not in PLAYING:
        return Command.STOP, None, str(rows.execution).lower()
    if rows.release_at is None:
        return Command.WAIT, None, ""
    return Command.GO, round(rows.release_at.timestamp() * 1e6) * 1000, ""


def _write_changes(execution_id: int, unit_rows: _UnitRows, message: Snapshot) -> None:
    """Write states that have advanced, and with the final report all figures.

    An ended state is only written with the final report: until then the recording is under way.
    """
    reports = {report.number: report for report in message.agents}
    changed = [
        pk
        for pk, number, status in unit_rows.agents
        if number in reports and _advances(status, reports[number].state.value, final=message.final)
    ]
    if not changed:
        return
    log = logs.tail(execution_id, message.stage_run, message.unit) if message.final else ""
    # Filtered again when they are written: the controller may end an agent meanwhile.
    open_rows = AgentRun.objects.unfinished().filter(pk__in=changed)
    rows = list(open_rows.order_by("pk"))
    for row in rows:
        row.status = reports[row.number].state.value
        copy_figures(row, reports[row.number], message)
        if message.final:
            _set_end(row, message, log + message.log)
    if rows and message.final:  # one row of each attempt keeps the log, also without a failure
        rows[0].last_log = storable(log + message.log)[-MAX_LAST_LOG:]
    open_rows.write(rows, [*FIGURES, *END_FIELDS])


_ORDER = {str(status): index for index, status in enumerate(AgentStatus)}


def _advances(before: str, now: str, *, final: bool) -> bool:
    """Check that a report advances an agent; a delayed one must not set it back."""
    if before in AGENT_ENDED:
        return False
    return final or (now not in AGENT_ENDED and _ORDER[now] > _ORDER[before])


FIGURES = [
    "late",
    "published",
    "published_bytes",
    "messages_undelivered",
    "messages_late",
    "messages_unchanged",
    "outages",
    "matched",
    "passes",
    "lateness_p50_us",
    "lateness_p99_us",
    "start_skew_us",
    "skew_uncertainty_us",
    "last_publication_at",
    "unit_cpu_seconds",
    "unit_memory_peak_bytes",
]
END_FIELDS = ["status", "failure_code", "failure_values", "failure_text", "last_log", "ended_at"]


def copy_figures(row: AgentRun, agent: AgentReport, message: Snapshot) -> None:
    """Copy the figures of a snapshot into a row, without saving it."""
    row.late = message.late
    row.published, row.published_bytes = agent.published, agent.published_bytes
    row.messages_undelivered = message.undelivered
    row.messages_late, row.messages_unchanged = agent.messages_late, agent.messages_unchanged
    row.outages = link_changes.to_rows(message.outages) or None
    row.matched = _matched(agent, message)
    row.passes = agent.passes
    row.lateness_p50_us, row.lateness_p99_us = agent.lateness_p50_us, agent.lateness_p99_us
    row.start_skew_us = agent.start_skew_us
    row.skew_uncertainty_us = agent.skew_uncertainty_us
    if message.resources is not None:
        row.unit_cpu_seconds = message.resources.cpu_seconds
        row.unit_memory_peak_bytes = message.resources.memory_peak_bytes
    if message.last_publication_ns is not None:
        row.last_publication_at = datetime.fromtimestamp(message.last_publication_ns / 1e9, tz=UTC)


def _matched(agent: AgentReport, message: Snapshot) -> list[dict[str, Any]] | None:
    """The subscribers of a unit, as they are stored with its first agent."""
    if agent.number != message.agents[0].number or not message.matched:
        return None
    matched: list[dict[str, Any]] = msgspec.to_builtins(message.matched)
    return [topic | {"topic": storable(topic["topic"])} for topic in matched]


def _set_end(row: AgentRun, message: Snapshot, log: str) -> None:
    row.ended_at = timezone.now()
    if row.status == AgentStatus.FAILED and message.failure is not None:
        code = message.failure.code
        row.failure_code = code if code in FailureCode.values else FailureCode.AGENT_CRASHED
        row.failure_text = storable(message.failure.text)
        values = _failure_values(row, message.failure)
        for name, value in (failure(code, **values) if values else {}).items():
            setattr(row, name, value)
        row.last_log = storable(log)[-MAX_LAST_LOG:]


def _failure_values(row: AgentRun, reported: Failure) -> dict[str, Any]:
    """Values of failures that the server words itself; empty for the others."""
    if reported.code == FailureCode.TRANSPORT_LOST:
        return link_changes.failure_values([(row.messages_undelivered, row.outages)])
    if reported.code == FailureCode.NOBODY_LISTENS:
        return {
            "unheard": [
                {
                    "topic": storable(topic.topic),
                    "agents": topic.agents,
                    "first": [storable(name) for name in topic.first],
                }
                for topic in reported.unheard
            ]
        }
    return {}
