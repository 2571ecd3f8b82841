"""Contents of recordings: what is expected, names of data files, and rosbags composed of segments."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from django.db import transaction
from django.utils import timezone

from agent.protocol import AgentSlot
from agent.topic_names import full_name
from simulations.choices import RECORDING_GROWING, RecordingStatus
from simulations.models import Recording, RecordingSegment, StageRun
from simulations.services.plan import Plan, PlanStage, plan_of
from simulations.services.runs import lost_spans
from storage.choices import Status
from storage.models import Rosbag
from storage.services.intake import growing
from storage.services.intake.abandoning import abandon_later

SUFFIXES = {"mcap": "mcap", "sqlite3": "db3"}


def create_expected(
    stage_run: StageRun, plan: Plan, units: Iterable[int], *, attempt: int = 1
) -> None:
    """Create the expected recordings of an attempt of units; may be repeated."""
    stage = plan.stage(stage_run.position)
    if not stage.record:
        return
    rows = [
        Recording(
            stage_run=stage_run,
            unit=unit,
            agent=agent,
            attempt=attempt,
            topics=list(_topics(stage, slots)),
        )
        for unit in units
        for agent, slots in _groups(plan, stage, unit)
    ]
    Recording.objects.bulk_create(rows, ignore_conflicts=True)


def _groups(
    plan: Plan, stage: PlanStage, unit: int
) -> Iterator[tuple[int | None, tuple[AgentSlot, ...]]]:
    """The recordings of a unit, each with its agents."""
    slots = plan.slots(stage, unit)
    if stage.record_scope == "agent":
        yield from ((slot.number, (slot,)) for slot in slots)
    else:
        yield None, slots


def _topics(stage: PlanStage, slots: Sequence[AgentSlot]) -> dict[str, Any]:
    """The topics of a recording by their names on the network."""
    return {
        full_name(slot.namespace, topic.name): topic for slot in slots for topic in stage.record
    }


def stage_of(recording: Recording) -> PlanStage:
    """The stage of a recording in the plan."""
    stage_run = recording.stage_run
    return plan_of(stage_run.execution).stage(stage_run.position)


def rosbag_name(recording: Recording) -> str:
    """Name of the rosbag of a recording."""
    stage_run = recording.stage_run
    execution = stage_run.execution
    name = f"{execution.simulation.name} {execution.number}, {stage_run.position}-{recording.unit}"
    if recording.agent is not None:
        name += f", agent {recording.agent}"
    if recording.attempt > 1:
        name += f", attempt {recording.attempt}"
    return name


def file_name(recording: Recording, number: int, storage: str) -> str:
    """Name of the data file of a segment."""
    agent = "" if recording.agent is None else f"agent_{recording.agent}_"
    return f"recording_{agent}{recording.attempt}_{number}.{SUFFIXES[storage]}"


def seal(recording: Recording, **fields: Any) -> bool:
    """Close a recording that grows: from now on it takes no more segments.

    Returns:
        Whether it grew.
    """
    rows = Recording.objects.filter(pk=recording.pk, status__in=RECORDING_GROWING)
    now = timezone.now()
    return bool(rows.update(status=RecordingStatus.VERIFYING, updated_at=now, **fields))


def compose(recording: Recording) -> None:
    """Make a rosbag of the stored segments of a sealed recording, and enqueue its verification.

    Calling it again is no error. Of a recording without any stored segment the rosbag is removed.

    Raises:
        StoreError: The storage is unavailable; call again.
    """
    row = Recording.objects.select_related("rosbag").get(pk=recording.pk)
    rosbag = row.rosbag
    if row.status != RecordingStatus.VERIFYING or rosbag is None:
        return
    if rosbag.status != Status.UPLOADING:
        return
    storage = stage_of(recording).record_storage
    present = set() if rosbag.deleted_at else growing.stored_paths(rosbag)
    stored = list(row.segments.filter(stored=True).order_by("number"))
    kept = [part for part in stored if file_name(row, part.number, storage) in present]
    spans = lost_spans.with_segments(
        row.lost_spans or [], [part for part in stored if part not in kept]
    )
    with transaction.atomic():
        Recording.objects.filter(pk=row.pk).update(lost_spans=spans)
        if not kept:
            Recording.objects.filter(pk=row.pk).update(rosbag=None)
            abandon_later(rosbag)
            return
    lost = [lost_spans.of_rosbag(span, file_name(row, span["segment"], storage)) for span in spans]
    growing.finish(rosbag, _contents(recording, kept), lost)


def _contents(recording: Recording, segments: Sequence[RecordingSegment]) -> growing.Contents:
    plan = plan_of(recording.stage_run.execution)
    stage = plan.stage(recording.stage_run.position)
    slots = plan.slots(stage, recording.unit)
    if recording.agent is not None:
        slots = tuple(slot for slot in slots if slot.number == recording.agent)
    counts = [sum(numbers) for numbers in zip(*(part.counts for part in segments), strict=True)]
    topics = _topics(stage, slots)
    played = Rosbag.objects.filter(pk=stage.rosbag).values_list("ros_distro", flat=True).first()
    return growing.Contents(
        files=[
            growing.RecordedFile(
                file_name(recording, part.number, stage.record_storage),
                part.first_ns,
                part.last_ns,
                part.message_count,
            )
            for part in segments
        ],
        topics=[
            growing.RecordedTopic(
                name,
                topics[name].type,
                topics[name].type_hash,
                msgspec.to_builtins(topics[name].qos),
                count,
            )
            for name, count in zip(recording.topics, counts, strict=True)
        ],
        ros_distro=played or "",
        storage_id=stage.record_storage,
    )
