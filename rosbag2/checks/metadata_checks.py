"""Differences between metadata.yaml and the data. The data count; each difference is a warning."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rosbag2.checks.index import BagIndex, Survey
from rosbag2.errors import Detail, bounded
from rosbag2.formats import qos
from rosbag2.formats.bundle import DataFile
from rosbag2.formats.metadata import NEWEST_VERSION, Metadata, Topic
from rosbag2.formats.times import duration_text, time_text
from rosbag2.reading.sqlite_file import lacks_wal

MAX_DAYS = 366
_DAY_NS = 86_400 * 10**9
# As `rmw_validate_full_topic_name`; some recorders leave the first slash out.
_TOPIC_NAME = re.compile(r"(?=.{1,247}$)/?[a-z_]\w*(/[a-z_]\w*)*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class BagWarning:
    """Something to know about a bag that can be used all the same."""

    code: str
    details: dict[str, Detail]


def warning(code: str, **details: Detail) -> BagWarning:
    """A warning whose details are not too long."""
    return BagWarning(code, bounded(details))


def differences(survey: Survey, index: BagIndex) -> Iterator[BagWarning]:
    """Yield a warning for each difference to metadata.yaml, and for each oddity within the data."""
    metadata = survey.metadata
    if metadata.version is not None and metadata.version > NEWEST_VERSION:
        yield warning("VERSION_UNKNOWN", version=metadata.version)
    if len(survey.files) < len(metadata.files):
        yield warning("FILE_LISTED_TWICE", file=_twice(metadata))
    yield from _counts(metadata, index, survey.files)
    yield from _times(metadata, index)
    yield from _topics(survey)
    if index.message_count and {metadata.compression_mode} - {""} != survey.packed:
        found = " + ".join(sorted(survey.packed)) or "none"
        yield warning(
            "COMPRESSION_MISMATCH", listed=metadata.compression_mode or "none", found=found
        )
    yield from _within(survey)
    if index.message_count:
        yield from _skipped(index)


def _twice(metadata: Metadata) -> str:
    names: set[str] = set()
    for listed in metadata.files:
        name = listed.replace("\\", "/").rsplit("/", 1)[-1]
        if name in names:
            return listed
        names.add(name)
    return metadata.files[-1]


def _counts(metadata: Metadata, index: BagIndex, files: Iterable[DataFile]) -> Iterator[BagWarning]:
    promised: dict[str, int] = {}
    for topic, count in metadata.topics:
        if count is not None:
            promised[topic.name] = promised.get(topic.name, 0) + count
    counts = {topic.name: topic.message_count for topic in index.topics}
    found = sum(counts.values())
    # A topic that metadata does not name matters only when it has messages.
    names = promised | {name: 0 for name in counts if name not in promised and metadata.topics}
    differing = [name for name, count in names.items() if counts.get(name, 0) != count]
    listed = metadata.message_count
    if listed is None:
        listed = sum(promised.values()) if promised else found
    if differing or listed != found:
        details: dict[str, Detail] = {"listed": listed, "found": found}
        if differing:
            name = differing[0]
            details |= {"topic": name, "topics": len(differing)}
            details |= {"topic_listed": names[name], "topic_found": counts.get(name, 0)}
        yield warning("COUNT_MISMATCH", **details)
    if found < listed:
        yield from missing_wals(files)


def missing_wals(files: Iterable[DataFile]) -> Iterator[BagWarning]:
    """Yield a warning for each file whose WAL may hold what the bag lacks."""
    for file in files:
        if lacks_wal(file.path):
            yield warning("WAL_ABSENT", file=file.name, wal=f"{file.name}-wal")


def _times(metadata: Metadata, index: BagIndex) -> Iterator[BagWarning]:
    start, end = index.start_ns, index.end_ns
    if start is None or end is None:
        return
    claimed = (metadata.start_ns, metadata.duration_ns)
    listed_start = start if claimed[0] is None else claimed[0]
    listed_duration = end - start if claimed[1] is None else claimed[1]
    claim, fact = (listed_start, listed_duration), (start, end - start)
    if claim == fact:
        return
    close = any(0 < abs(one - other) < 10**6 for one, other in zip(claim, fact, strict=True))
    digits = 9 if close else 3
    yield warning(
        "TIME_MISMATCH",
        listed_start=time_text(listed_start, digits),
        listed_duration=duration_text(listed_duration, digits),
        start=time_text(start, digits),
        duration=duration_text(end - start, digits),
    )


def _topics(survey: Survey) -> Iterator[BagWarning]:
    types: list[tuple[str, str, str]] = []
    profiles: list[tuple[str, str, str]] = []
    for claim, _ in survey.metadata.topics:
        variants = survey.variants.get(claim.name, [])
        if not variants:
            continue
        kinds = [topic.type for topic in variants if topic.type]
        if claim.type and kinds and all(_type(kind) != _type(claim.type) for kind in kinds):
            types.append((claim.name, claim.type, kinds[0]))
        if not any(_same_qos(claim, topic) for topic in variants):
            profiles.append(
                (claim.name, claim.offered_qos_profiles, variants[0].offered_qos_profiles)
            )
    if types:
        name, listed, actual = types[0]
        yield warning("TYPE_MISMATCH", topic=name, listed=listed, found=actual, topics=len(types))
    if profiles:
        name, one, other = profiles[0]
        policy, listed, actual = qos.difference(one, other)
        details = {"policy": policy, "listed": listed, "found": actual}
        yield warning("QOS_MISMATCH", topic=name, topics=len(profiles), **details)


def _within(survey: Survey) -> Iterator[BagWarning]:
    ambiguous = [name for name, variants in survey.variants.items() if _differ(variants)]
    if ambiguous:
        file = survey.files[0].name if len(survey.files) == 1 else "The bag"
        yield warning("TOPIC_AMBIGUOUS", file=file, topic=ambiguous[0], topics=len(ambiguous))
    for file, count in survey.orphans.items():
        yield warning("ORPHAN_MESSAGES", file=file, found=count)
    for finding in survey.findings:
        yield warning(finding.code, **finding.details)
    odd = [name for name in survey.variants if not _TOPIC_NAME.fullmatch(name)]
    if odd:
        yield warning("NAME_ODD", topic=odd[0], topics=len(odd))
    start, end = survey.span() or (0, 0)
    if (end - start) // _DAY_NS > MAX_DAYS:
        silence = survey.silence()
        times = {"before_ns": silence[0], "after_ns": silence[1]} if silence else {}
        yield warning("SPAN_IMPLAUSIBLE", days=(end - start) // _DAY_NS, **times)


def _skipped(index: BagIndex) -> Iterator[BagWarning]:
    """A warning for each serialization that is not played."""
    foreign = [topic for topic in index.topics if topic.message_count and not topic.playable]
    for serialization in dict.fromkeys(topic.serialization_format for topic in foreign):
        topics = [topic for topic in foreign if topic.serialization_format == serialization]
        yield warning(
            "TOPIC_SKIPPED",
            topic=", ".join(f"{topic.name} ({topic.message_count})" for topic in topics),
            serialization=serialization,
            messages=sum(topic.message_count for topic in topics),
        )


def _differ(variants: list[Topic]) -> bool:
    first = variants[0]
    return any(
        _type(topic.type) != _type(first.type) or not _same_qos(topic, first) for topic in variants
    )


def _same_qos(one: Topic, other: Topic) -> bool:
    return qos.same(one.offered_qos_profiles, other.offered_qos_profiles)


def _type(kind: str) -> str:
    """The type without the `/msg/` that Crystal did not write yet."""
    return kind.replace("/msg/", "/")
