"""metadata.yaml of new bags: version 9, or version 5, which Humble and later can read."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from rosbag2.formats import qos
from rosbag2.formats.metadata import Topic

_NEVER = 2**63 - 1
"""The start that rosbag2 gives a bag without messages."""

TEXT_ENDS = 9
"""The version from which QoS is YAML with words; before, it is a text with numbers."""


@dataclass(frozen=True)
class RecordedFile:
    """A data file; times in nanoseconds since the epoch, None without messages."""

    path: str
    start_ns: int | None
    end_ns: int | None
    message_count: int


@dataclass(frozen=True)
class Recording:
    """A recording: its data files in the order of time, and its topics with their numbers of messages."""

    files: tuple[RecordedFile, ...]
    topics: tuple[tuple[Topic, int], ...]
    ros_distro: str
    version: int = 9
    storage_id: str = "sqlite3"


def metadata_text(recording: Recording) -> str:
    """The text of metadata.yaml."""
    count = sum(count for _, count in recording.topics)
    topics = [line for one in recording.topics for line in _topic(*one, version=recording.version)]
    more = ["  custom_data: ~", f"  ros_distro: {_quoted(recording.ros_distro)}"]
    return "\n".join(
        [
            "rosbag2_bagfile_information:",
            f"  version: {recording.version}",
            f"  storage_identifier: {recording.storage_id}",
            *_times("  ", recording.files),
            f"  message_count: {count}",
            "  topics_with_message_count:" if topics else "  topics_with_message_count: []",
            *topics,
            '  compression_format: ""',
            '  compression_mode: ""',
            "  relative_file_paths:",
            *(f"    - {_quoted(file.path)}" for file in recording.files),
            "  files:",
            *(line for file in recording.files for line in _file(file)),
            *(more if recording.version >= TEXT_ENDS else []),
            "",
        ]
    )


def _file(file: RecordedFile) -> list[str]:
    return [
        f"    - path: {_quoted(file.path)}",
        *_times("      ", (file,)),
        f"      message_count: {file.message_count}",
    ]


def _times(indent: str, files: Sequence[RecordedFile]) -> list[str]:
    """Start and duration of data files together."""
    start = min((file.start_ns for file in files if file.start_ns is not None), default=_NEVER)
    end = max((file.end_ns for file in files if file.end_ns is not None), default=start)
    return [
        f"{indent}duration:",
        f"{indent}  nanoseconds: {end - start}",
        f"{indent}starting_time:",
        f"{indent}  nanoseconds_since_epoch: {start}",
    ]


def _topic(topic: Topic, count: int, *, version: int) -> list[str]:
    shown = [f"        offered_qos_profiles: {_quoted(topic.offered_qos_profiles)}"]
    if version >= TEXT_ENDS:
        profiles = qos.lines(topic.offered_qos_profiles, " " * 10)
        shown = [f"        offered_qos_profiles:{'' if profiles else ' []'}", *profiles]
        shown.append(f"        type_description_hash: {_quoted(topic.type_hash)}")
    return [
        "    - topic_metadata:",
        f"        name: {_quoted(topic.name)}",
        f"        type: {_quoted(topic.type)}",
        f"        serialization_format: {_quoted(topic.serialization_format)}",
        *shown,
        f"      message_count: {count}",
    ]


def _quoted(text: str) -> str:
    """JSON quotes are YAML quotes; the two marks that YAML takes for line ends are escaped."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(
        f"\\u{ord(sign):04x}" if sign in "\x7f\x85\u2028\u2029\ufeff" else sign for sign in quoted
    )
