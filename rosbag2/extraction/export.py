"""Parts of a bag for others: a stretch of time and a choice of topics, as a bag or as a table."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from rosbag2.extraction.messages import moment
from rosbag2.extraction.time_slice import EVER, Span, Window
from rosbag2.formats import qos
from rosbag2.formats.metadata import Topic
from rosbag2.messages.cdr import CdrError
from rosbag2.messages.definitions import with_definition
from rosbag2.messages.fields import FieldUnknownError, Picker, scalars
from rosbag2.messages.message_types import TypeUnknownError
from rosbag2.messages.to_json import number, plain
from rosbag2.writing.mcap_writer import McapBagWriter
from rosbag2.writing.sqlite_writer import BagWriter

PACE = 2000
"""Messages between two reports."""
MAX_LATCHED = 1000
MAX_COLUMNS = 1000
_TRANSFORMS = "tf2_msgs/msg/TFMessage"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Asked:
    """What to export: topics by name (None: all), a span, for tables the fields (none: all scalars)."""

    topics: list[str] | None
    span: Span = EVER
    latched: bool = True
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Progress:
    """How far an export is: messages of the span that were gone over, messages or rows written."""

    seen: int
    written: int


class _Writer(Protocol):
    def add_topic(self, topic: Topic) -> int:
        """Take a topic; the answer is its number."""

    def write(self, topic_id: int, timestamp_ns: int, data: bytes) -> None:
        """Take a message."""

    def close(self) -> None:
        """Finish."""


def export_bag(
    window: Window, folder: Path, storage_id: Literal["sqlite3", "mcap"], asked: Asked
) -> Iterator[Progress]:
    """Write a new bag into a folder, and tell now and then how far it is; the last one is the end.

    Raises:
        TopicUnknownError: a topic is not in the bag.
        BagError: the bag cannot be read, or the new one not be written.
    """
    distro = window.ros_distro or "unknown"
    writer: _Writer = (
        BagWriter(folder, ros_distro=distro, commit_seconds=60)
        if storage_id == "sqlite3"
        else McapBagWriter(folder, ros_distro=distro)
    )
    names = list(window.topics) if asked.topics is None else asked.topics
    numbers = {
        name: writer.add_topic(with_definition(window.topic(name), distro)) for name in names
    }
    earlier = list(_latched(window, names, asked.span)) if asked.latched else []
    for name, data in earlier:
        writer.write(numbers[name], asked.span[0], data)
    seen = 0
    for seen, (time_ns, name, data) in enumerate(window.messages(names, asked.span), 1):
        writer.write(numbers[name], time_ns, data)
        if seen % PACE == 0:
            yield Progress(seen, len(earlier) + seen)
    writer.close()
    yield Progress(seen, len(earlier) + seen)


def _latched(window: Window, names: list[str], span: Span) -> Iterator[tuple[str, bytes]]:
    """What subscribers that come at the beginning of a span are given of transient-local topics.

    The last message before it; of transforms the last for each set of frames, as each publisher has its own.
    """
    latched = [name for name in names if is_latched(window.topics[name])]
    if not latched or span[0] <= EVER[0]:
        return
    found: dict[tuple[str, Any], bytes] = {}
    for _time, name, data in window.messages(latched, (EVER[0], span[0] - 1)):
        key = (name, _frames(window, name, data))
        if key in found:
            del found[key]  # the order is that of the last messages
        elif len(found) >= MAX_LATCHED:
            continue
        found[key] = data
    for (name, _key), data in found.items():
        yield name, data


def is_latched(topic: Topic) -> bool:
    """Whether its publishers keep messages for those who come later."""
    return any(
        profile["durability"] == "transient_local"
        for profile in qos.profiles(topic.offered_qos_profiles) or ()
    )


def _frames(window: Window, name: str, data: bytes) -> Any:
    try:
        shape = window.shape(name)
        if shape.name != _TRANSFORMS:
            return None
        told = plain(shape, data, MAX_LATCHED)["transforms"]
    except (TypeUnknownError, CdrError):
        return None
    listed = told if isinstance(told, list) else told["first"]
    return tuple(sorted(str(each["child_frame_id"]) for each in listed))


def export_csv(window: Window, file: Path, asked: Asked) -> Iterator[Progress]:
    """Write scalar fields as a table (RFC 4180, UTF-8), and tell now and then how far it is.

    A row per message: time in nanoseconds and as ISO 8601, topic, then the fields; a field that the topic
    does not have is empty. A text that a spreadsheet would take for a formula gets a ' in front.

    Raises:
        TopicUnknownError: a topic is not in the bag.
        TypeUnknownError: the type of a topic cannot be decoded.
        FieldUnknownError: no topic has such a field.
    """
    names = list(window.topics) if asked.topics is None else asked.topics
    columns = list(asked.fields) or _all_fields(window, names)
    pickers = _pickers(window, names, columns)
    seen = 0
    with file.open("x", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["time_ns", "time", "topic", *columns])
        for seen, (time_ns, name, data) in enumerate(window.messages(names, asked.span), 1):
            picker, places = pickers[name]
            row: list[Any] = [""] * len(columns)
            try:
                for place, value in zip(places, picker.pick(data), strict=True):
                    row[place] = _cell(value)
            except CdrError:
                row = [""] * len(columns)
            table.writerow([time_ns, moment(time_ns) or "", _cell(name), *row])
            if seen % PACE == 0:
                yield Progress(seen, seen)
    yield Progress(seen, seen)


def _all_fields(window: Window, names: list[str]) -> list[str]:
    found: dict[str, None] = {}
    for name in names:
        found |= {scalar.path: None for scalar in scalars(window.shape(name), texts=True)}
    return list(found)[:MAX_COLUMNS]


def _pickers(
    window: Window, names: list[str], columns: list[str]
) -> dict[str, tuple[Picker, list[int]]]:
    """For each topic what to pick, and in which columns it belongs."""
    found = {}
    used: set[str] = set()
    failure: FieldUnknownError | None = None
    for name in names:
        shape = window.shape(name)
        places = []
        for place, path in enumerate(columns):
            try:
                Picker(shape, [path])
            except FieldUnknownError as error:
                failure = failure or error
            else:
                places.append(place)
                used.add(path)
        found[name] = Picker(shape, [columns[place] for place in places]), places
    if failure is not None and not used.issuperset(columns):
        raise failure
    return found


def _cell(value: Any) -> Any:
    """A value as a cell; nothing that begins like a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return number(value)
