"""Results of a verification: the fields and topics to write to a rosbag."""

from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import connection
from django.db.models import Model

from rosbag2.checks.index import BagIndex, TopicIndex
from rosbag2.checks.statistics import Rhythm
from rosbag2.checks.verdict import Verdict
from storage.choices import USABLE, Status
from storage.models import (
    MAX_SERIALIZATION_LENGTH,
    Rosbag,
    RosbagFile,
    RosbagTopic,
    TypeDefinition,
)
from storage.services.intake.bundle_paths import LEFT_OUT

Fields = dict[str, Any]

NO_INDEX: Fields = {
    "storage_id": "",
    "version": None,
    "ros_distro": "",
    "compression": "",
    "start_ns": None,
    "duration_ns": None,
    "message_count": None,
}
COPIED = ("code", "details", "text", "warnings", "lost_spans", *NO_INDEX)


@dataclass
class UnpublishedRepair:
    """A repaired rosbag whose objects are stored; it is published together with the verdict."""

    rosbag: Rosbag
    fields: Fields
    files: list[RosbagFile]
    topics: list[RosbagTopic]


@dataclass
class VerificationResult:
    """The fields to write to a rosbag's row, its topics, and its repair, if any."""

    fields: Fields
    topics: list[RosbagTopic] = field(default_factory=list)
    repair: UnpublishedRepair | None = None


class RejectedError(Exception):
    """The files cannot be verified; `fields` are the rejection to write."""

    def __init__(self, fields: Fields) -> None:
        super().__init__(fields["code"])
        self.fields = fields


def rejected_fields(code: str, **details: str | int | float) -> Fields:
    """The fields of a rejected rosbag."""
    outcome: Fields = {
        "status": Status.REJECTED,
        "code": code,
        "details": details,
        "text": "",
        "lost_spans": [],
        "repaired": None,
    }
    return NO_INDEX | outcome | {"warnings": []}


def fields_of_verdict(verdict: Verdict) -> Fields:
    """The fields of a rosbag with this verdict."""
    return (fields_of_index(verdict.index) if verdict.index else NO_INDEX) | {
        "status": Status(verdict.status),
        "code": verdict.code,
        "details": verdict.details,
        "text": "",
        "warnings": [asdict(warning) for warning in verdict.warnings],
        "lost_spans": [asdict(span) for span in verdict.lost],
        "repaired": None,
    }


def without_index(fields: Fields) -> Fields:
    """The fields of the original of a repair: the index belongs to the repaired rosbag."""
    return fields | NO_INDEX


def fields_of_repaired(fields: Fields) -> Fields:
    """The fields of a repaired rosbag; its first warning describes the repair."""
    repair_warning = {"code": fields["code"], "details": fields["details"]}
    status = Status.READY_WITH_WARNINGS
    outcome = {"status": status, "code": "", "details": {}, "text": ""}
    return fields | outcome | {"warnings": [repair_warning, *fields["warnings"]]}


def fields_of_repaired_duplicate(duplicate: Rosbag) -> Fields:
    """The fields of a damaged rosbag whose duplicate was repaired before."""
    copied: Fields = {name: getattr(duplicate, name) for name in COPIED}
    links = {"status": Status.REPAIRED, "original": duplicate, "repaired": duplicate.repaired}
    return with_duplicate_warning(copied | links, duplicate)


def with_duplicate_warning(fields: Fields, duplicate: Rosbag) -> Fields:
    """Add a warning that the content is stored already, for uploads without checksums."""
    warning = {"code": "SAME_CONTENT", "details": {"twin": duplicate.name, "id": duplicate.pk}}
    return _with_warnings(fields, [*fields["warnings"], warning])


def with_left_out_warning(fields: Fields, rosbag: Rosbag) -> Fields:
    """Keep the warning that files were left out when the rosbag came in."""
    kept = [warning for warning in rosbag.warnings if warning["code"] == LEFT_OUT]
    others = [warning for warning in fields["warnings"] if warning["code"] != LEFT_OUT]
    return _with_warnings(fields, [*kept, *others])


def with_previous_warnings(fields: Fields, rosbag: Rosbag) -> Fields:
    """Keep the warnings and losses of a repaired rosbag that is verified again."""
    if fields["status"] not in USABLE:
        return fields
    old = rosbag.warnings
    codes = {warning["code"] for warning in old}
    new = [warning for warning in fields["warnings"] if warning["code"] not in codes]
    return _with_warnings(fields, [*old, *new]) | {"lost_spans": rosbag.lost_spans}


def store_types(verdict: Verdict) -> None:
    """Store the message types of a verdict's index, which rosbags share, before its topics refer to them."""
    types = () if verdict.index is None else verdict.index.types
    rows = [TypeDefinition(**_storable(TypeDefinition, asdict(entry))) for entry in types]
    rows.sort(key=lambda row: row.digest)  # as all do, so that none waits for another in a circle
    TypeDefinition.objects.bulk_create(rows, ignore_conflicts=True, batch_size=100)


def topics_of(rosbag_id: int, verdict: Verdict) -> list[RosbagTopic]:
    """Topic rows of a verdict's index, not saved yet."""
    if verdict.index is None:
        return []
    with_rhythms = zip(verdict.index.topics, verdict.index.rhythms, strict=True)
    return [_topic(rosbag_id, topic, rhythm) for topic, rhythm in with_rhythms]


def _with_warnings(fields: Fields, warnings: list[Fields]) -> Fields:
    status = fields["status"]
    if status == Status.READY and warnings:
        status = Status.READY_WITH_WARNINGS
    return fields | {"status": status, "warnings": warnings}


def fields_of_index(index: BagIndex) -> Fields:
    """The fields that are computed from the data."""
    duration = 0
    if index.start_ns is not None and index.end_ns is not None:
        duration = index.end_ns - index.start_ns
    fields = {
        "storage_id": index.storage_id,
        "version": index.version,
        "ros_distro": index.ros_distro,
        "compression": index.compression,
        "start_ns": index.start_ns,
        "duration_ns": duration,
        "message_count": index.message_count,
    }
    return _storable(Rosbag, fields)


def _topic(rosbag_id: int, topic: TopicIndex, rhythm: Rhythm) -> RosbagTopic:
    values = asdict(topic) | asdict(rhythm)
    digest = values.pop("definition") or None
    values["serialization_format"] = topic.serialization_format[:MAX_SERIALIZATION_LENGTH]
    values["histogram"] = list(topic.histogram)
    values["gaps"] = [[gap.start_ns, gap.end_ns] for gap in rhythm.gaps]
    fields = _storable(RosbagTopic, values)
    return RosbagTopic(rosbag_id=rosbag_id, definition_id=digest, **fields)


def _storable(model: type[Model], values: Fields) -> Fields:
    """The same values as the database takes them: what a file says of itself must not cost its messages."""
    fields = model._meta  # noqa: SLF001
    return {name: _fitting(fields.get_field(name), value) for name, value in values.items()}


def _fitting(field: Any, value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "")[: field.max_length]
    if isinstance(value, int):
        lowest, highest = connection.ops.integer_field_range(field.get_internal_type())
        return max(lowest, min(value, highest))
    return value
