"""Differences of two plans."""

from typing import Any

import msgspec

from simulations.services.plan import Plan
from simulations.services.plan_difference import plan_differences
from simulations.services.planning import freeze
from simulations.tests.conftest import Design


def plan_of_three(design: Design) -> Plan:
    plan = freeze(design(2, 3, 4))
    named = zip(plan.stages, ("couriers", "patrols", "forklifts"), strict=True)
    stages = tuple(msgspec.structs.replace(stage, name=name) for stage, name in named)
    return msgspec.structs.replace(plan, stages=stages)


def changed(plan: Plan, *stages: tuple[int, dict[str, Any]], **fields: Any) -> Plan:
    """The plan with some stages, each by its index, and changes to them."""
    rows = [msgspec.structs.replace(plan.stages[index], **values) for index, values in stages]
    numbered = (
        msgspec.structs.replace(row, position=position) for position, row in enumerate(rows, 1)
    )
    return msgspec.structs.replace(plan, stages=tuple(numbered), **fields)


def rows(first: Plan, second: Plan) -> list[tuple[Any, ...]]:
    return [
        (row.change, row.stage, row.field, row.before, row.after)
        for row in plan_differences(first, second)
    ]


ALL = ((0, {}), (1, {}), (2, {}))


def test_equal_plans_do_not_differ(design: Design) -> None:
    plan = plan_of_three(design)
    assert rows(plan, plan) == []


def test_changed_fields_have_both_values(design: Design) -> None:
    plan = plan_of_three(design)
    other = changed(plan, (0, {}), (1, {"rate": 2.0, "agents": 9}), (2, {}), pattern="parallel")
    assert rows(plan, other) == [
        ("changed", None, "pattern", "sequential", "parallel"),
        ("changed", 2, "rate", 1.0, 2.0),
        ("changed", 2, "agents", 3, 9),
    ]


def test_a_stage_in_front_is_added_and_the_others_are_as_they_were(design: Design) -> None:
    plan = plan_of_three(design)
    other = changed(plan, (0, {"name": "scouts"}), *ALL)
    assert rows(plan, other) == [("stage_added", 1, "", None, 2)]
    assert rows(other, plan) == [("stage_removed", 1, "", 2, None)]


def test_a_renamed_stage_is_compared_by_its_place(design: Design) -> None:
    plan = plan_of_three(design)
    other = changed(plan, (0, {}), (1, {"name": "guards", "repeats": 5}), (2, {}))
    assert rows(plan, other) == [
        ("changed", 2, "name", "patrols", "guards"),
        ("changed", 2, "repeats", 1, 5),
    ]


def test_topics_are_compared_by_what_a_user_sets(design: Design) -> None:
    plan = freeze(design(2))
    [stage] = plan.stages
    changed_topics = [
        msgspec.structs.replace(
            topic, publish_as="/wheel/odom", subscriber_required=True, type_hash="RIHS01_0"
        )
        for topic in stage.topics
    ]
    topics = tuple(changed_topics)
    names = [topic.name for topic in topics]
    assert rows(plan, changed(plan, (0, {"topics": topics}))) == [
        ("changed", 1, "renames", {}, dict.fromkeys(names, "/wheel/odom")),
        ("changed", 1, "required_subscribers", (), tuple(names)),
    ]
    assert rows(plan, changed(plan, (0, {"topics": ()}))) == [
        ("changed", 1, "topics", tuple(names), ())
    ]
