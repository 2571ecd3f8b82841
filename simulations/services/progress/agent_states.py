"""State, lateness and start skew of every agent of an execution, by its newest attempt.

From the rows in one query, and while it runs from the newest snapshots in Redis as well.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from simulations.choices import AGENT_ENDED, AgentStatus
from simulations.live.agents import LiveUnit, newest_units
from simulations.models import AgentRun, Execution
from simulations.services.plan import Plan

CODES = {
    AgentStatus.PENDING: "-",
    AgentStatus.STARTING: "s",
    AgentStatus.READY: "r",
    AgentStatus.RUNNING: "R",
    AgentStatus.UPLOADING: "u",
    AgentStatus.COMPLETED: "c",
    AgentStatus.FAILED: "f",
    AgentStatus.STOPPED: "x",
    AgentStatus.LOST: "l",
}
"""One character for each status, so that the states of many agents are one short text."""
AgentKey = tuple[int, int]
"""Stage run and agent number."""


class AgentState(NamedTuple):
    """The newest attempt of one agent; times in µs, None if nothing was measured.

    The skew of an agent that joined late is None, as it does not start with the others.
    """

    attempt: int
    status: str
    lateness_us: float | None
    skew_us: float | None
    late: bool = False


class StageStates(NamedTuple):
    """The agents of one stage: `codes` has one character of `CODES` for each, from number `first`."""

    position: int
    first: int
    codes: str
    lateness_us: list[float]
    skew_us: list[float]
    late: int
    """Agents that joined after the release."""


def stage_states(
    execution: Execution, plan: Plan, stage_runs: Iterable[tuple[int, int]]
) -> list[StageStates]:
    """The agents of each stage; one query.

    Args:
        execution: The execution.
        plan: Its plan.
        stage_runs: Primary key and position of its stage runs.
    """
    agents = _states_of_rows(execution.pk)
    if not execution.ended:
        for key, state in _live_states(newest_units(execution.pk)):
            if _is_newer(state, agents.get(key)):
                agents[key] = state
    return [_stage(plan, pk, position, agents) for pk, position in stage_runs]


def _stage(
    plan: Plan, stage_run: int, position: int, agents: dict[AgentKey, AgentState]
) -> StageStates:
    stage = plan.stage(position)
    last = stage.first_agent + stage.agents
    states = [agents.get((stage_run, number)) for number in range(stage.first_agent, last)]
    reached = [state for state in states if state is not None]
    return StageStates(
        position=position,
        first=stage.first_agent,
        codes="".join(_code(state) for state in states),
        lateness_us=[state.lateness_us for state in reached if state.lateness_us is not None],
        skew_us=[state.skew_us for state in reached if state.skew_us is not None],
        late=sum(state.late for state in reached),
    )


def _code(state: AgentState | None) -> str:
    return CODES[AgentStatus.PENDING if state is None else AgentStatus(state.status)]


def _states_of_rows(execution_id: int) -> dict[AgentKey, AgentState]:
    rows = AgentRun.objects.filter(stage_run__execution=execution_id).order_by("attempt")
    fields = ("attempt", "status", "late", "lateness_p99_us", "start_skew_us")
    return {
        (stage_run, number): AgentState(attempt, status, lateness, None if late else skew, late)
        for stage_run, number, attempt, status, late, lateness, skew in rows.values_list(
            "stage_run_id", "number", *fields
        )
    }


def _live_states(units: Iterable[LiveUnit]) -> Iterator[tuple[AgentKey, AgentState]]:
    for unit in units:
        for agent in unit.agents:
            skew = None if unit.late else agent.start_skew_us
            state = AgentState(unit.attempt, agent.state, agent.lateness_p99_us, skew, unit.late)
            yield (unit.stage_run, agent.number), state


def _is_newer(live: AgentState, row: AgentState | None) -> bool:
    """Compare a snapshot with a row: an ended row is final, else the snapshot is newer."""
    if row is None or live.attempt > row.attempt:
        return True
    return live.attempt == row.attempt and row.status not in AGENT_ENDED
