"""Parts of a bag for others: a stretch of time and a choice of topics, as a bag or as a table."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from rosbag2.extraction.decoded_bag import EVER, DecodedBag, Span
from rosbag2.extraction.messages import moment
from rosbag2.formats import qos
from rosbag2.formats.metadata import Topic
from rosbag2.messages.cdr import CdrError
from rosbag2.messages.definitions import with_definition
from rosbag2.messages.fields import FieldUnknownError, Picker, scalars
from rosbag2.messages.message_types import TypeUnknownError
from rosbag2.messages.to_json import json_number, to_json
from rosbag2.writing.mcap_writer import McapBagWriter
from rosbag2.writing.sqlite_writer import BagWriter

PACE = 2000
"""Messages between two reports."""
MAX_LATCHED = 1000
MAX_COLUMNS = 1000
_TRANSFORMS = "tf2_msgs/msg/TFMessage"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class ExportRequest:
    """Parts to export: topics by name (None: all), a span, for tables the fields (none: all scalars)."""

    topics: list[str] | None
    span: Span = EVER
    latched: bool = True
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Progress:
    """Progress of an export: messages of the span that were read, messages or rows written."""

    read: int
    written: int


class _BagWriter(Protocol):
    def add_topic(self, topic: Topic) -> int:
        """Add a topic and return its number."""

    def write(self, topic_id: int, timestamp_ns: int, data: bytes) -> None:
        """Take a message."""

    def close(self) -> None:
        """Finish."""


def export_bag(
    source: DecodedBag, folder: Path, storage_id: Literal["sqlite3", "mcap"], request: ExportRequest
) -> Iterator[Progress]:
    """Write a new bag into a folder, and yield the progress; the last one is the end.

    Raises:
        TopicUnknownError: a topic is not in the bag.
        BagError: the bag cannot be read, or the new one not be written.
    """
    distro = source.ros_distro or "unknown"
    writer: _BagWriter = (
        BagWriter(folder, ros_distro=distro, commit_seconds=60)
        if storage_id == "sqlite3"
        else McapBagWriter(folder, ros_distro=distro)
    )
    names = list(source.topics) if request.topics is None else request.topics
    numbers = {
        name: writer.add_topic(with_definition(source.topic(name), source.distribution))
        for name in names
    }
    earlier = list(_latched(source, names, request.span)) if request.latched else []
    for name, data in earlier:
        writer.write(numbers[name], request.span[0], data)
    read = 0
    for read, (time_ns, name, data) in enumerate(source.messages(names, request.span), 1):
        writer.write(numbers[name], time_ns, data)
        if read % PACE == 0:
            yield Progress(read, len(earlier) + read)
    writer.close()
    yield Progress(read, len(earlier) + read)


def _latched(source: DecodedBag, names: list[str], span: Span) -> Iterator[tuple[str, bytes]]:
    """Messages that transient-local topics deliver to a subscriber at the beginning of a span.

    The last message before it; of transforms the last for each set of frames, as each publisher has its own.
    """
    latched = [name for name in names if is_latched(source.topics[name])]
    if not latched or span[0] <= EVER[0]:
        return
    messages: dict[tuple[str, Any], bytes] = {}
    for _time, name, data in source.messages(latched, (EVER[0], span[0] - 1)):
        key = (name, _frames(source, name, data))
        if key in messages:
            del messages[key]  # the order is that of the last messages
        elif len(messages) >= MAX_LATCHED:
            continue
        messages[key] = data
    for (name, _key), data in messages.items():
        yield name, data


def is_latched(topic: Topic) -> bool:
    """Return whether its publishers keep messages for later subscribers (transient local)."""
    return any(
        profile["durability"] == "transient_local"
        for profile in qos.profiles(topic.offered_qos_profiles) or ()
    )


def _frames(source: DecodedBag, name: str, data: bytes) -> Any:
    try:
        message_type = source.message_type(name)
        if message_type.name != _TRANSFORMS:
            return None
        transforms = to_json(message_type, data, MAX_LATCHED)["transforms"]
    except (TypeUnknownError, CdrError):
        return None
    listed = transforms if isinstance(transforms, list) else transforms["first"]
    return tuple(sorted(str(transform["child_frame_id"]) for transform in listed))


def export_csv(source: DecodedBag, file: Path, request: ExportRequest) -> Iterator[Progress]:
    """Write scalar fields as a table (RFC 4180, UTF-8), and yield the progress.

    A row per message: time in nanoseconds and as ISO 8601, topic, then the fields; a field that the topic
    does not have is empty. A text that a spreadsheet would take for a formula gets a ' in front.

    Raises:
        TopicUnknownError: a topic is not in the bag.
        TypeUnknownError: the type of a topic cannot be decoded.
        FieldUnknownError: no topic has such a field.
    """
    decoded = [name for name, topic in source.topics.items() if topic.is_cdr]
    names = decoded if request.topics is None else request.topics
    columns = list(request.fields) or _all_fields(source, names)
    pickers = _pickers(source, names, columns)
    read = 0
    with file.open("x", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["time_ns", "time", "topic", *columns])
        for read, (time_ns, name, data) in enumerate(source.messages(names, request.span), 1):
            picker, places = pickers[name]
            row: list[Any] = [""] * len(columns)
            try:
                for place, value in zip(places, picker.pick(data), strict=True):
                    row[place] = _cell(value)
            except CdrError:
                row = [""] * len(columns)
            table.writerow([time_ns, moment(time_ns) or "", _cell(name), *row])
            if read % PACE == 0:
                yield Progress(read, read)
    yield Progress(read, read)


def _all_fields(source: DecodedBag, names: list[str]) -> list[str]:
    paths: dict[str, None] = {}
    for name in names:
        paths |= {scalar.path: None for scalar in scalars(source.message_type(name), texts=True)}
    return list(paths)[:MAX_COLUMNS]


def _pickers(
    source: DecodedBag, names: list[str], columns: list[str]
) -> dict[str, tuple[Picker, list[int]]]:
    """By topic its picker, and the columns of the fields it picks."""
    pickers = {}
    used: set[str] = set()
    failure: FieldUnknownError | None = None
    for name in names:
        message_type = source.message_type(name)
        places = []
        for place, path in enumerate(columns):
            try:
                Picker(message_type, [path])
            except FieldUnknownError as error:
                failure = failure or error
            else:
                places.append(place)
                used.add(path)
        pickers[name] = Picker(message_type, [columns[place] for place in places]), places
    if failure is not None and not used.issuperset(columns):
        raise failure
    return pickers


def _cell(value: Any) -> Any:
    """A value as a cell; nothing that begins like a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return json_number(value)
