"""Definitions in rosbags: kept once for all that embed them, with what publishers must know of the types."""

from pathlib import Path

import pytest

from rosbag2.checks.definitions import MAX_TEXT
from rosbag2.formats.metadata import Topic
from rosbag2.messages.type_hashes import facts_of
from rosbag2.writing.mcap_writer import McapBagWriter
from storage.models import Rosbag, TypeDefinition
from tests.support.bags import stored_bag

STATUS = "std_msgs/Header header\nfloat64 charge\n"


def bag(folder: Path, **definitions: str) -> Rosbag:
    """A rosbag with a message of each type `own_msgs/msg/Name`, named and defined by the arguments."""
    with McapBagWriter(folder, ros_distro="jazzy") as writer:
        for number, (name, text) in enumerate(definitions.items()):
            topic = Topic(
                f"/{name}",
                f"own_msgs/msg/{name}",
                definition=text,
                definition_encoding="ros2msg",
            )
            writer.write(writer.add_topic(topic), 10**9 + number, bytes([0, 1, 0, 0]))
    return stored_bag(folder)


@pytest.mark.django_db
def test_definitions_are_kept_with_hash_and_layout_once_for_all_rosbags(tmp_path: Path) -> None:
    first = bag(tmp_path / "first", Status=STATUS, Plain="uint8 a\n")
    second = bag(tmp_path / "second", Status=STATUS, Other="uint8 b\n")
    status = first.topics.get(name="/Status").definition
    assert status is not None
    assert status == second.topics.get(name="/Status").definition
    assert (status.name, status.text) == ("own_msgs/msg/Status", STATUS)
    assert status.type_hash == facts_of("own_msgs/msg/Status", STATUS, "ros2msg", "").type_hash
    assert status.layout == [["header"], ["block", 8, 8]]
    assert TypeDefinition.objects.get(name="own_msgs/msg/Plain").layout == []
    assert TypeDefinition.objects.count() == 3
    first.delete()
    assert TypeDefinition.objects.filter(pk=status.pk).exists()


@pytest.mark.django_db
def test_a_definition_that_cannot_be_used_costs_nothing_else(tmp_path: Path) -> None:
    long = "#" * (MAX_TEXT + 1)
    rosbag = bag(tmp_path / "bag", Status=STATUS, Bad="float32 $x\n", Long=long, No="")
    assert rosbag.usable
    bad = rosbag.topics.get(name="/Bad").definition
    assert bad is not None
    assert (bad.type_hash, bad.layout) == ("", None)
    assert {t.name for t in rosbag.topics.filter(definition=None)} == {"/Long", "/No"}
