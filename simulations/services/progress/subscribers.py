"""Subscribers of the topics of an execution's agents, as they were when the agents started."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from simulations.models import AgentRun, Execution
from simulations.services.plan import Plan, PlanStage, plan_of

MAX_LISTED = 10


class TopicSubscribers(msgspec.Struct, frozen=True, kw_only=True):
    """One played topic of a stage, over all units that have started.

    Zenoh only tells whether there are any: `fewest` and `most` are 0 or 1 there.
    """

    stage: int
    """Its position."""
    topic: str
    """Name in the rosbag."""
    published_as: str
    """Name within the namespace of an agent."""
    subscriber_required: bool
    """Its agents were not ready without a subscriber."""
    agents: int
    """Agents whose publisher had a subscriber."""
    of_agents: int
    """Agents whose units have started."""
    fewest: int
    most: int


class _UnitMatches(NamedTuple):
    agents: int
    topics: list[dict[str, Any]]


def subscribers_of(execution: Execution) -> tuple[TopicSubscribers, ...]:
    """The subscribers of each played topic, by stage and in the order of the plan; at most one query.

    Topics of which the transport knew nothing are left out.
    """
    if execution.outcome and "subscribers" in execution.outcome:
        return msgspec.convert(execution.outcome["subscribers"], tuple[TopicSubscribers, ...])
    plan = plan_of(execution)
    units = _newest_units(execution, plan)
    return tuple(
        topic
        for stage in plan.stages
        for topic in _sum_stage(stage, units.get(stage.position, {}).values())
    )


def unheard_values(topics: Iterable[TopicSubscribers]) -> dict[int, dict[str, Any]]:
    """Values of the warning about topics that nobody subscribed to, by position of the stage."""
    names: dict[int, list[str]] = {}
    for topic in topics:
        if not topic.agents:
            names.setdefault(topic.stage, []).append(topic.published_as)
    return {stage: {"count": len(n), "topics": _listing(n)} for stage, n in names.items()}


def _listing(names: list[str]) -> str:
    return ", ".join(names[:MAX_LISTED] + ["…"] * (len(names) > MAX_LISTED))


def _newest_units(execution: Execution, plan: Plan) -> dict[int, dict[int, _UnitMatches]]:
    """The matches of each unit's newest attempt that has started, by position of the stage and unit."""
    rows = AgentRun.objects.filter(stage_run__execution=execution, matched__isnull=False)
    units: dict[int, dict[int, _UnitMatches]] = {}
    fields = ("stage_run__position", "unit", "matched")
    for position, unit, matched in rows.order_by("attempt").values_list(*fields):
        agents = len(plan.slots(plan.stage(position), unit))
        units.setdefault(position, {})[unit] = _UnitMatches(agents, matched)
    return units


def _sum_stage(stage: PlanStage, units: Iterable[_UnitMatches]) -> Iterable[TopicSubscribers]:
    by_topic: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    for unit in units:
        for row in unit.topics:
            by_topic.setdefault(row["topic"], []).append((unit.agents, row))
    for topic in stage.topics:
        if rows := by_topic.get(topic.name):
            yield TopicSubscribers(
                stage=stage.position,
                topic=topic.name,
                published_as=topic.published_name,
                subscriber_required=topic.subscriber_required,
                agents=sum(row["agents"] for _agents, row in rows),
                of_agents=sum(agents for agents, _row in rows),
                fewest=min(row["fewest"] for _agents, row in rows),
                most=max(row["most"] for _agents, row in rows),
            )
