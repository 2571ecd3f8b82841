"""What a verdict means for the rows of a rosbag: fields and topics to write."""

from dataclasses import asdict, dataclass, field
from typing import Any

from rosbag2.checks.index import BagIndex, TopicIndex
from rosbag2.checks.statistics import Rhythm
from rosbag2.checks.verdict import Verdict
from storage.choices import USABLE, Status
from storage.models import Rosbag, RosbagFile, RosbagTopic

Facts = dict[str, Any]

NO_INDEX: Facts = {
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
class Draft:
    """A repaired rosbag whose objects are stored: it becomes visible together with the verdict."""

    rosbag: Rosbag
    facts: Facts
    files: list[RosbagFile]
    topics: list[RosbagTopic]


@dataclass
class Finding:
    """What to write of a rosbag: the fields of its row, its topics, and what was made of it."""

    facts: Facts
    topics: list[RosbagTopic] = field(default_factory=list)
    draft: Draft | None = None


class RefusedError(Exception):
    """The files cannot even be looked at; `facts` are the rejection to write."""

    def __init__(self, facts: Facts) -> None:
        super().__init__(facts["code"])
        self.facts = facts


def rejection(code: str, **details: str | int | float) -> Facts:
    """The fields of a rejected rosbag."""
    outcome: Facts = {
        "status": Status.REJECTED,
        "code": code,
        "details": details,
        "text": "",
        "lost_spans": [],
        "repaired": None,
    }
    return NO_INDEX | outcome | {"warnings": []}


def of_verdict(verdict: Verdict) -> Facts:
    """The fields of a rosbag that was judged."""
    return (of_index(verdict.index) if verdict.index else NO_INDEX) | {
        "status": Status(verdict.status),
        "code": verdict.code,
        "details": verdict.details,
        "text": "",
        "warnings": [asdict(warning) for warning in verdict.warnings],
        "lost_spans": [asdict(span) for span in verdict.lost],
        "repaired": None,
    }


def of_original(facts: Facts) -> Facts:
    """The fields of one that was repaired: the index belongs to what was made of it."""
    return facts | NO_INDEX


def of_repaired(facts: Facts) -> Facts:
    """The fields of what was made of another: what was done is its first warning."""
    done = {"code": facts["code"], "details": facts["details"]}
    status = Status.READY_WITH_WARNINGS
    plain = {"status": status, "code": "", "details": {}, "text": ""}
    return facts | plain | {"warnings": [done, *facts["warnings"]]}


def of_twin(twin: Rosbag) -> Facts:
    """The fields of one that arrived as damaged as another, which was repaired before."""
    copied: Facts = {name: getattr(twin, name) for name in COPIED}
    known = {"status": Status.REPAIRED, "original": twin, "repaired": twin.repaired}
    return with_twin(copied | known, twin)


def with_twin(facts: Facts, twin: Rosbag) -> Facts:
    """Say that the content is there already: without checksums nobody could know it before."""
    warning = {"code": "SAME_CONTENT", "details": {"twin": twin.name, "id": twin.pk}}
    return _warned(facts, [*facts["warnings"], warning])


def with_history(facts: Facts, rosbag: Rosbag) -> Facts:
    """A repaired rosbag that is verified again still tells what was done, and what was lost."""
    if facts["status"] not in USABLE:
        return facts
    old = rosbag.warnings
    codes = {warning["code"] for warning in old}
    new = [warning for warning in facts["warnings"] if warning["code"] not in codes]
    return _warned(facts, [*old, *new]) | {"lost_spans": rosbag.lost_spans}


def topics_of(rosbag_id: int, verdict: Verdict) -> list[RosbagTopic]:
    """The rows of the topics of an index."""
    if verdict.index is None:
        return []
    with_rhythms = zip(verdict.index.topics, verdict.index.rhythms, strict=True)
    return [_topic(rosbag_id, topic, rhythm) for topic, rhythm in with_rhythms]


def _warned(facts: Facts, warnings: list[Facts]) -> Facts:
    status = facts["status"]
    if status == Status.READY and warnings:
        status = Status.READY_WITH_WARNINGS
    return facts | {"status": status, "warnings": warnings}


def of_index(index: BagIndex) -> Facts:
    """The fields that are counted from the data."""
    span = 0
    if index.start_ns is not None and index.end_ns is not None:
        span = index.end_ns - index.start_ns
    return {
        "storage_id": index.storage_id,
        "version": index.version,
        "ros_distro": index.ros_distro,
        "compression": index.compression,
        "start_ns": index.start_ns,
        "duration_ns": span,
        "message_count": index.message_count,
    }


def _topic(rosbag_id: int, topic: TopicIndex, rhythm: Rhythm) -> RosbagTopic:
    fields = asdict(topic) | asdict(rhythm)
    fields["histogram"] = list(topic.histogram)
    fields["gaps"] = [[gap.start_ns, gap.end_ns] for gap in rhythm.gaps]
    return RosbagTopic(rosbag_id=rosbag_id, **fields)
