"""How far an execution is: from Redis while it runs, from its own row once it has ended.

Whoever asks computes, at most about once a second for all processes together; the others read what was
computed. Rows of agents are read only when Redis may not know all: after an event, and after it was emptied.
"""

from datetime import datetime
from typing import Any

import msgspec
from django.db.models import Count, Sum
from django.utils import timezone

from common.exceptions import NotFoundError
from simulations.choices import AGENT_ENDED, RunStatus
from simulations.exceptions import LiveAwayError
from simulations.live import watched
from simulations.live.tallies import Tally, TallyKey
from simulations.models import AgentRun, Execution
from simulations.services.plan import plan_of
from simulations.services.progress.calculation import (
    Facts,
    Progress,
    StageFacts,
    StageProgress,
    reckon,
)
from simulations.services.progress.results import measured

__all__ = ["FRESH_SECONDS", "Progress", "StageProgress", "at_end", "progress_by_id", "progress_of"]

FRESH_SECONDS = 1.0
Tallies = dict[TallyKey, Tally]


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept in Redis: the progress, and the facts it was computed from."""

    progress: Progress
    facts: Facts

    @property
    def fresh(self) -> bool:
        """Whether it was computed within the last second."""
        age = (timezone.now() - self.progress.as_of).total_seconds()
        return 0 <= age < FRESH_SECONDS


def progress_by_id(execution_id: int, *, at_least: int = 0) -> Progress:
    """The progress of an execution: one call of Redis, mostly. Raises NotFoundError.

    `at_least` is an event that the caller has heard of: what is older is looked at again.
    """
    try:
        kept = _kept(execution_id)
    except LiveAwayError:
        kept = None
    if kept is not None and kept.fresh and kept.facts.event_count >= at_least:
        return kept.progress
    execution = Execution.objects.filter(pk=execution_id).first()
    if execution is None:
        raise NotFoundError
    return progress_of(execution)


def progress_of(execution: Execution) -> Progress:
    """The progress as it stands now, at most a second old; the database is asked while Redis is away."""
    if execution.ended:
        return _final(execution)
    try:
        kept = _kept(execution.pk)
        if kept is not None and _will_do(kept, execution):
            return kept.progress
        return _compute(execution, kept)
    except LiveAwayError:
        return _reckon(execution, facts_of(execution), stored(execution.pk), None)


def at_end(execution: Execution, status: RunStatus, fields: dict[str, Any]) -> dict[str, Any]:
    """What is written into the row of an execution as it ends, so that nothing has to be counted again.

    `fields` are those that are written with it; the answer is `{"progress": ..., "figures": ...}`.
    """
    facts = msgspec.structs.replace(
        facts_of(execution),
        status=str(status),
        data_status=str(fields.get("data_status", execution.data_status)),
        ended_at=fields["ended_at"],
    )
    tallies = stored(execution.pk)
    try:
        kept, (heard, _upto) = _kept(execution.pk), watched.tallies(execution.pk)
        tallies = merged(tallies, heard)
    except LiveAwayError:
        kept = None
    progress = _reckon(execution, facts, tallies, kept)
    figures = measured(execution) | {"messages_published": progress.messages_published}
    return {"progress": msgspec.to_builtins(progress), "figures": figures}


def _final(execution: Execution) -> Progress:
    if execution.outcome:
        progress = msgspec.convert(execution.outcome["progress"], Progress)
        # Its last event is written with the outcome, and others may follow.
        return msgspec.structs.replace(progress, last_event=execution.event_count)
    return _reckon(execution, facts_of(execution), stored(execution.pk), None)


def _kept(execution_id: int) -> Kept | None:
    value = watched.known_progress(execution_id)
    return None if value is None else msgspec.json.decode(value, type=Kept)


def _will_do(kept: Kept, execution: Execution) -> bool:
    """Whether what is kept need not be computed again now, or somebody else is at it."""
    newer = execution.event_count > kept.facts.event_count
    if newer and execution.status != kept.facts.status:
        return False
    return kept.fresh or not watched.may_compute(execution.pk, FRESH_SECONDS)


def _compute(execution: Execution, kept: Kept | None) -> Progress:
    facts = facts_of(execution, kept.facts if kept else None)
    tallies, upto = watched.tallies(execution.pk)
    if upto < facts.event_count:
        tallies = merged(stored(execution.pk), tallies)
        watched.fill_tallies(execution.pk, tallies, facts.event_count)
    progress = _reckon(execution, facts, tallies, kept)
    watched.keep_progress(execution.pk, msgspec.json.encode(Kept(progress=progress, facts=facts)))
    return progress


def _reckon(execution: Execution, facts: Facts, tallies: Tallies, kept: Kept | None) -> Progress:
    now: datetime = facts.ended_at or timezone.now()
    return reckon(plan_of(execution), facts, tallies, now, kept.progress if kept else None)


def facts_of(execution: Execution, known: Facts | None = None) -> Facts:
    """The facts; each change makes an event, so stages are only read after one."""
    if known is not None and known.event_count == execution.event_count:
        stages = known.stages
    else:
        stages = tuple(
            StageFacts(
                pk=run.pk,
                position=run.position,
                status=run.status,
                release_at=run.release_at,
                agents_ended_at=run.agents_ended_at,
                ended_at=run.ended_at,
            )
            for run in execution.stage_runs.order_by("position")
        )
    return Facts(
        status=execution.status,
        data_status=execution.data_status,
        event_count=execution.event_count,
        stop_asked_at=execution.stop_asked_at,
        ended_at=execution.ended_at,
        stages=stages,
    )


def stored(execution_id: int) -> Tallies:
    """What the rows of agents say, in one query; `published` there is as old as the last change of state."""
    rows = (
        AgentRun.objects.filter(stage_run__execution=execution_id)
        .order_by()
        .values_list("stage_run", "unit", "attempt", "status")
        .annotate(agents=Count("pk"), sent=Sum("published"))
    )
    found: Tallies = {}
    for stage_run, unit, attempt, status, agents, sent in rows:
        known = found.get((stage_run, unit, attempt), Tally({}, 0))
        found[stage_run, unit, attempt] = Tally(
            {**known.agents, str(status): agents}, known.published + sent
        )
    return found


def merged(rows: Tallies, heard: Tallies) -> Tallies:
    """The truth of both: rows whose agents have all ended are final, else what was heard is newer."""
    found = {**rows, **heard}
    for key, row in rows.items():
        said = heard.get(key)
        if said is not None and set(row.agents) <= AGENT_ENDED:
            found[key] = Tally(row.agents, max(row.published, said.published))
    return found
