"""Differences of two frozen plans: of an execution and of what would run now, or of two executions."""

from collections.abc import Iterator
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import zip_longest
from typing import Any

import msgspec

from simulations.services.plan import Plan, PlanStage

PLAN_FIELDS = (
    "pattern",
    "mec_name",
    "link",
    "namespace_prefix",
    "backend",
    "image",
    "placement",
    "agents_per_unit",
)
STAGE_FIELDS = (
    "name",
    "template_name",
    "template_version",
    "robot_type",
    "rosbag",
    "rosbag_digest",
    "topics",
    "renames",
    "required_subscribers",
    "left_out",
    "untyped",
    "messages_a_pass",
    "rate",
    "max_gap_seconds",
    "start_offset",
    "end_offset",
    "pass_gap",
    "clock_hz",
    "restamp",
    "prefix_frames",
    "match_seconds",
    "record",
    "record_own",
    "record_scope",
    "record_storage",
    "resources",
    "agents",
    "execution_time",
    "repeats",
    "delay_after",
    "area",
    "retries",
    "min_success",
    "lost_messages_allowed",
    "continue_on_failure",
    "no_messages_allowed",
)
"""Fields that a user has set, in the order of the design; agent numbers and lengths follow from them."""


class Change(StrEnum):
    """Kinds of differences."""

    CHANGED = "changed"
    STAGE_ADDED = "stage_added"
    STAGE_REMOVED = "stage_removed"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One difference; `before` and `after` are values of the field as the plans have them.

    `stage` is the position in the second plan, or in the first if it was removed; None: the plan itself.
    """

    change: Change
    stage: int | None = None
    stage_name: str = ""
    field: str = ""
    before: Any = None
    after: Any = None


def plan_differences(first: Plan, second: Plan) -> tuple[Difference, ...]:
    """Compare two plans; stages are matched by their names, and where these differ by their order."""
    return (
        *_changed_fields(first, second, PLAN_FIELDS),
        *(
            difference
            for before, after in _matched_stages(first, second)
            for difference in _stage_differences(before, after)
        ),
    )


def _matched_stages(
    first: Plan, second: Plan
) -> Iterator[tuple[PlanStage | None, PlanStage | None]]:
    before, after = ([stage.name for stage in plan.stages] for plan in (first, second))
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for _tag, begin, end, new_begin, new_end in matcher.get_opcodes():
        yield from zip_longest(first.stages[begin:end], second.stages[new_begin:new_end])


def _stage_differences(before: PlanStage | None, after: PlanStage | None) -> Iterator[Difference]:
    if before is not None and after is not None:
        yield from _changed_fields(before, after, STAGE_FIELDS, after.position, after.name)
    elif after is not None:
        yield Difference(
            change=Change.STAGE_ADDED,
            stage=after.position,
            stage_name=after.name,
            after=after.agents,
        )
    elif before is not None:
        yield Difference(
            change=Change.STAGE_REMOVED,
            stage=before.position,
            stage_name=before.name,
            before=before.agents,
        )


def _field(row: Any, field: str) -> Any:
    """A field of a plan or stage; of topics what a user sets, without what follows from the rosbag."""
    match field:
        case "topics":
            return row.topic_names
        case "record":
            return [{"name": topic.name, "type": topic.type} for topic in row.record]
    return getattr(row, field)


def _changed_fields(
    first: Any, second: Any, fields: tuple[str, ...], stage: int | None = None, stage_name: str = ""
) -> Iterator[Difference]:
    for field in fields:
        before, after = _field(first, field), _field(second, field)
        if before != after:
            yield Difference(
                change=Change.CHANGED,
                stage=stage,
                stage_name=stage_name,
                field=field,
                before=msgspec.to_builtins(before),
                after=msgspec.to_builtins(after),
            )
