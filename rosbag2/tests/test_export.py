"""Exports: a span and topics, latched messages from before, tables that no spreadsheet runs."""

import csv
from pathlib import Path
from typing import Any

import pytest
from mcap.reader import make_reader
from rosbags.rosbag2 import Reader

from rosbag2.errors import BagError
from rosbag2.extraction.decoded_bag import DecodedBag, TopicUnknownError
from rosbag2.extraction.export import ExportRequest, Progress, export_bag, export_csv
from rosbag2.formats.metadata import Topic
from rosbag2.messages.fields import FieldUnknownError
from rosbag2.messages.message_types import TypeUnknownError
from rosbag2.tests.messages import encoded
from rosbag2.writing.sqlite_writer import BagWriter

LATCHED = """- history: keep_last
  depth: 1
  reliability: reliable
  durability: {durability}
  deadline: {{sec: 0, nsec: 0}}
  lifespan: {{sec: 0, nsec: 0}}
  liveliness: automatic
  liveliness_lease_duration: {{sec: 0, nsec: 0}}
  avoid_ros_namespace_conventions: false"""
STRING = "std_msgs/msg/String"
TF = "tf2_msgs/msg/TFMessage"
SPAN = (100, 200)


def text(data: str) -> bytes:
    return encoded(STRING, data=data)


def frames(*children: str) -> bytes:
    return encoded(TF, transforms=[{"child_frame_id": child} for child in children])


@pytest.fixture
def source(tmp_path: Path) -> DecodedBag:
    with BagWriter(tmp_path / "bag") as bag:
        volatile = LATCHED.format(durability="volatile")
        latched = LATCHED.format(durability="transient_local")
        chat = bag.add_topic(Topic("/chat", STRING, offered_qos_profiles=volatile))
        note = bag.add_topic(Topic("/map_name", STRING, offered_qos_profiles=latched))
        static = bag.add_topic(Topic("/tf_static", TF, offered_qos_profiles=latched))
        old = bag.add_topic(Topic("/old", STRING, offered_qos_profiles=latched.replace(
            "durability: transient_local", "durability: 1")))  # fmt: skip
        for at in range(0, 300, 50):
            bag.write(chat, at, text(f"chat {at}"))
        bag.write(note, 10, text("first"))
        bag.write(note, 20, text("second"))
        bag.write(note, 150, text("third"))
        bag.write(static, 11, frames("a"))
        bag.write(static, 12, frames("b", "c"))
        bag.write(static, 13, frames("a"))
        bag.write(old, 100, text("at the start"))
    return DecodedBag(tmp_path / "bag")


def ended(steps: Any) -> Progress:
    *_before, last = steps
    assert isinstance(last, Progress)
    return last


def exported(source: DecodedBag, folder: Path, request: ExportRequest, storage: Any) -> list[Any]:
    with source:
        progress = ended(export_bag(source, folder, storage, request))
    with Reader(folder) as reader:
        result = [
            (connection.topic, time, bytes(data)) for connection, time, data in reader.messages()
        ]
    assert progress.written == len(result)
    return sorted(result)


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_latched_messages_from_before_stand_at_the_start(
    source: DecodedBag, tmp_path: Path, storage: str
) -> None:
    result = exported(source, tmp_path / "out", ExportRequest(None, SPAN), storage)
    assert result == sorted(
        [
            ("/chat", 100, text("chat 100")),
            ("/chat", 150, text("chat 150")),
            ("/chat", 200, text("chat 200")),
            ("/map_name", 100, text("second")),
            ("/map_name", 150, text("third")),
            ("/old", 100, text("at the start")),
            ("/tf_static", 100, frames("a")),
            ("/tf_static", 100, frames("b", "c")),
        ]
    )


def test_latched_messages_of_chosen_topics_only_and_not_when_unwanted(
    source: DecodedBag, tmp_path: Path
) -> None:
    chosen = ExportRequest(["/map_name"], SPAN)
    result = exported(source, tmp_path / "one", chosen, "sqlite3")
    assert [item[:2] for item in result] == [("/map_name", 100), ("/map_name", 150)]
    without = ExportRequest(["/map_name"], SPAN, latched=False)
    result = exported(source, tmp_path / "two", without, "sqlite3")
    assert [item[:2] for item in result] == [("/map_name", 150)]


def test_qos_types_and_definitions_go_along(source: DecodedBag, tmp_path: Path) -> None:
    for storage in ("sqlite3", "mcap"):
        exported(source, tmp_path / storage, ExportRequest(None), storage)
        with Reader(tmp_path / storage) as reader:
            by_topic = {item.topic: item for item in reader.connections}
        assert by_topic["/tf_static"].msgtype == TF
        assert "geometry_msgs/TransformStamped" in by_topic["/tf_static"].msgdef.data
        [profile] = by_topic["/tf_static"].ext.offered_qos_profiles  # type: ignore[union-attr]
        assert profile.durability.name == "TRANSIENT_LOCAL"


def test_an_empty_span_is_an_empty_bag(source: DecodedBag, tmp_path: Path) -> None:
    for storage in ("sqlite3", "mcap"):
        assert exported(source, tmp_path / storage, ExportRequest(["/chat"], (1, 2)), storage) == []


def test_an_mcap_without_a_known_definition(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        own = bag.add_topic(Topic("/own", "own_msgs/msg/Own"))
        bag.write(own, 5, b"\0\1\0\0")
    with DecodedBag(tmp_path / "bag") as source:
        ended(export_bag(source, tmp_path / "out", "mcap", ExportRequest(None)))
    with (tmp_path / "out" / "out_0.mcap").open("rb") as stream:
        [(schema, channel, message)] = make_reader(stream).iter_messages()
    assert (schema.name, schema.encoding, schema.data) == ("own_msgs/msg/Own", "", b"")
    assert (channel.topic, message.data) == ("/own", b"\0\1\0\0")


def test_a_folder_that_holds_a_bag_is_left_alone(source: DecodedBag, tmp_path: Path) -> None:
    with source, pytest.raises(TopicUnknownError):
        ended(export_bag(source, tmp_path / "x", "mcap", ExportRequest(["/none"])))
    with source:
        ended(export_bag(source, tmp_path / "y", "mcap", ExportRequest(["/chat"])))
        with pytest.raises(BagError, match="already"):
            ended(export_bag(source, tmp_path / "y", "mcap", ExportRequest(["/chat"])))


def table(source: DecodedBag, file: Path, request: ExportRequest) -> list[list[str]]:
    with source:
        progress = ended(export_csv(source, file, request))
    with file.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    assert progress.written == len(rows) - 1
    return rows


def test_a_table_of_topics_with_different_fields(source: DecodedBag, tmp_path: Path) -> None:
    fields = ("data", "transforms[0].child_frame_id", "transforms[1].child_frame_id")
    request = ExportRequest(["/chat", "/tf_static"], (0, 60), fields=fields)
    rows = table(source, tmp_path / "t.csv", request)
    assert rows[0] == ["time_ns", "time", "topic", *fields]
    assert [row[0] for row in rows[1:]] == ["0", "11", "12", "13", "50"]
    assert rows[1][2:] == ["/chat", "chat 0", "", ""]
    assert rows[3][2:] == ["/tf_static", "", "b", "c"]


def test_texts_that_look_like_formulas_and_texts_with_signs(tmp_path: Path) -> None:
    odd = ['=cmd|"/c calc"!A1', "+1", "-1", "@x", "\tx", 'a,"b"\r\nc', "plain", "한국어"]
    with BagWriter(tmp_path / "bag") as bag:
        chat = bag.add_topic(Topic("=chat", STRING))
        for at, item in enumerate(odd):
            bag.write(chat, at, text(item))
    rows = table(DecodedBag(tmp_path / "bag"), tmp_path / "t.csv", ExportRequest(None))
    assert [row[3] for row in rows[1:]] == [f"'{item}" for item in odd[:5]] + odd[5:]
    assert {row[2] for row in rows[1:]} == {"'=chat"}


def test_messages_that_cannot_be_read_are_empty_rows(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        number = bag.add_topic(Topic("/n", "std_msgs/msg/Float64"))
        bag.write(number, 1, b"\0\1\0\0\0")
        bag.write(number, 2, encoded("std_msgs/msg/Float64", data=float("nan")))
        bag.write(number, 3, encoded("std_msgs/msg/Float64", data=-0.5))
    rows = table(DecodedBag(tmp_path / "bag"), tmp_path / "t.csv", ExportRequest(None))
    assert [row[3] for row in rows[1:]] == ["", "NaN", "-0.5"]


def test_fields_and_types_that_are_not_there(source: DecodedBag, tmp_path: Path) -> None:
    with source:
        with pytest.raises(FieldUnknownError, match="none"):
            ended(export_csv(source, tmp_path / "a", ExportRequest(None, fields=("data", "none"))))
        with pytest.raises(FieldUnknownError, match="list"):
            ended(
                export_csv(
                    source, tmp_path / "b", ExportRequest(["/tf_static"], fields=("transforms",))
                )
            )
    with BagWriter(tmp_path / "own") as bag:
        bag.write(bag.add_topic(Topic("/own", "own_msgs/msg/Own")), 5, b"\0\1\0\0")
    with DecodedBag(tmp_path / "own") as own, pytest.raises(TypeUnknownError):
        ended(export_csv(own, tmp_path / "c", ExportRequest(None)))
