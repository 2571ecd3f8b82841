"""metadata.yaml of version 9, written for one data file."""

import json
from dataclasses import dataclass

from rosbag2 import qos
from rosbag2.metadata import Topic

_NEVER = 2**63 - 1
"""The start that rosbag2 gives a bag without messages."""


@dataclass(frozen=True)
class Facts:
    """What was recorded; times in nanoseconds since the epoch, None without messages."""

    file: str
    start_ns: int | None
    end_ns: int | None
    topics: tuple[tuple[Topic, int], ...]
    ros_distro: str
    storage_id: str = "sqlite3"


def metadata_text(facts: Facts) -> str:
    """The text of metadata.yaml."""
    start = _NEVER if facts.start_ns is None else facts.start_ns
    duration = 0 if facts.end_ns is None else facts.end_ns - start
    count = sum(count for _, count in facts.topics)
    topics = [line for topic, count in facts.topics for line in _topic(topic, count)]
    file = _quoted(facts.file)
    return "\n".join(
        [
            "rosbag2_bagfile_information:",
            "  version: 9",
            f"  storage_identifier: {facts.storage_id}",
            *_times("  ", start, duration),
            f"  message_count: {count}",
            "  topics_with_message_count:" if topics else "  topics_with_message_count: []",
            *topics,
            '  compression_format: ""',
            '  compression_mode: ""',
            "  relative_file_paths:",
            f"    - {file}",
            "  files:",
            f"    - path: {file}",
            *_times("      ", start, duration),
            f"      message_count: {count}",
            "  custom_data: ~",
            f"  ros_distro: {_quoted(facts.ros_distro)}",
            "",
        ]
    )


def _times(indent: str, start_ns: int, duration_ns: int) -> list[str]:
    return [
        f"{indent}duration:",
        f"{indent}  nanoseconds: {duration_ns}",
        f"{indent}starting_time:",
        f"{indent}  nanoseconds_since_epoch: {start_ns}",
    ]


def _topic(topic: Topic, count: int) -> list[str]:
    profiles = qos.lines(topic.offered_qos_profiles, " " * 10)
    return [
        "    - topic_metadata:",
        f"        name: {_quoted(topic.name)}",
        f"        type: {_quoted(topic.type)}",
        f"        serialization_format: {_quoted(topic.serialization_format)}",
        f"        offered_qos_profiles:{'' if profiles else ' []'}",
        *profiles,
        f"        type_description_hash: {_quoted(topic.type_hash)}",
        f"      message_count: {count}",
    ]


def _quoted(text: str) -> str:
    """JSON quotes are YAML quotes; the two marks that YAML takes for line ends are escaped."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(
        f"\\u{ord(sign):04x}" if sign in "\x7f\x85\u2028\u2029\ufeff" else sign for sign in quoted
    )
