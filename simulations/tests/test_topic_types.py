"""Types of topics: planned for agents, or missing, and then the start says so."""

from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from agent.protocol import PlayedTopic, Qos, RecordTopic
from rosbag2.formats.metadata import Topic
from rosbag2.messages.layouts import Block, Header
from rosbag2.messages.type_hashes import facts_of_distribution
from rosbag2.tests.bundles import QOS
from rosbag2.writing.mcap_writer import McapBagWriter
from simulations.exceptions import NotStartableError
from simulations.failures import warning_texts
from simulations.models import Event, Execution, Mec, Simulation
from simulations.services.plan import plan_of
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Design
from storage.models import RosbagTopic
from templates.models import Template
from templates.services import templates
from tests.support.bags import stored_bag

STATUS = "own_msgs/msg/Status"
DEFINITION = "std_msgs/Header header\nfloat64 charge\n"
IMU = facts_of_distribution("sensor_msgs/msg/Imu", "jazzy")
HASH = "RIHS01_" + "ab" * 32
LATCHED = QOS.replace("durability: 2", "durability: 1").replace("history: 3", "history: 1")
TOPICS = (
    Topic("/imu", "sensor_msgs/msg/Imu", offered_qos_profiles=QOS.replace("y: 1", "y: 2", 1)),
    Topic("/map", STATUS, type_hash=HASH, offered_qos_profiles=LATCHED.replace("h: 0", "h: 1")),
    Topic("/status", STATUS, definition=DEFINITION, definition_encoding="ros2msg"),
    Topic("/other", "own_msgs/msg/Other"),
)


@pytest.fixture
def simulation(tmp_path: Path, template: Template, mec: Mec, design: Design) -> Simulation:
    """A bag of topics of which one has a type that is defined nowhere; towards `zenoh`."""
    with McapBagWriter(tmp_path / "types", ros_distro="jazzy") as bag:
        for number, topic in enumerate(TOPICS):
            bag.write(bag.add_topic(topic), 10**9 + number, bytes([0, 1, 0, 0]))
    record = [{"name": "/imu", "type": "sensor_msgs/msg/Imu"}, {"name": "/answer", "type": STATUS}]
    bag = stored_bag(tmp_path / "types")
    templates.update(template, rosbag=bag, record_topics=record, renames={"/imu": "/imu/data"})
    Mec.objects.update(transport="zenoh", endpoint="tcp/127.0.0.1:1")
    return design()


def started(simulation: Simulation, template: Template, **changes: Any) -> Execution:
    templates.update(template, **changes)
    return lifecycle.start(simulation)


def played(execution: Execution) -> dict[str, PlayedTopic]:
    return {topic.name: topic for topic in plan_of(execution).stages[0].topics}


def test_a_plan_tells_type_hash_and_qos_of_what_is_played(
    simulation: Simulation, template: Template
) -> None:
    topics = played(started(simulation, template, excluded_topics=["/other"]))
    assert topics["/imu"].type_hash == IMU.type_hash
    assert topics["/imu"].qos == Qos(reliability="best_effort")
    assert topics["/map"].type_hash == HASH
    assert topics["/map"].qos == Qos(durability="transient_local", depth=1)
    assert topics["/status"].type == STATUS
    row = RosbagTopic.objects.get(name="/status").definition
    assert row is not None
    assert topics["/status"].type_hash == row.type_hash
    assert {topic.layout for topic in topics.values()} == {None}


def test_a_plan_tells_what_recordings_must_know(simulation: Simulation, template: Template) -> None:
    record = [{"name": "/imu/data", "type": "sensor_msgs/msg/Imu"}]
    record += [{"name": "/answer", "type": STATUS}, {"name": "/o", "type": "own_msgs/msg/Other"}]
    changes: Any = {
        "record_topics": record,
        "definitions": {"own_msgs/msg/Other": "own_msgs/In in\n", "own_msgs/msg/In": "bool b\n"},
    }
    execution = started(simulation, template, excluded_topics=["/map"], **changes)
    imu, answer, other = plan_of(execution).stages[0].record
    assert isinstance(imu, RecordTopic)
    assert (imu.type_hash, imu.qos) == (IMU.type_hash, Qos(reliability="best_effort"))
    assert imu.definition.startswith("std_msgs/Header header\n")
    assert "MSG: geometry_msgs/Quaternion" in imu.definition
    assert (answer.definition, answer.definition_encoding) == (DEFINITION, "ros2msg")
    assert answer.qos == Qos()
    assert "MSG: own_msgs/In\nbool b\n" in other.definition


def test_start_is_refused_and_names_topics_and_types(
    operator: APIClient, simulation: Simulation
) -> None:
    answer = operator.post(f"/api/v1/simulations/{simulation.pk}/start")
    [error] = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == ("/stages/0/template", "TYPE_UNKNOWN")
    for word in ("driver", "zenoh", "/other (own_msgs/msg/Other)", "ros2 or zenoh-raw"):
        assert word in error["detail"]
    assert "/status" not in error["detail"]
    assert "verify it again" not in error["detail"]
    RosbagTopic.objects.update(definition=None)
    answer = operator.post(f"/api/v1/simulations/{simulation.pk}/start")
    assert "verify it again" in answer.json()["errors"][0]["detail"]


def test_dds_needs_no_hash(simulation: Simulation, template: Template) -> None:
    Mec.objects.update(transport="ros2", discovery="multicast")
    topic = played(started(simulation, template))["/other"]
    assert (topic.type, topic.type_hash) == ("own_msgs/msg/Other", "")


def test_definitions_of_the_template_make_it_start(
    simulation: Simulation, template: Template
) -> None:
    definitions = {"own_msgs/msg/Other": "uint8 a\n"}
    topic = played(started(simulation, template, definitions=definitions))["/other"]
    assert topic.type_hash.startswith("RIHS01_")


def test_a_template_that_leaves_topics_out_starts_without_them(
    simulation: Simulation, template: Template
) -> None:
    record = [{"name": "/answer", "type": "own_msgs/msg/Nothing"}]
    leaving: Any = {"unsupported_topics": "leave_out", "record_topics": record}
    execution = started(simulation, template, **leaving)
    assert set(played(execution)) == {"/imu", "/map", "/status"}
    assert plan_of(execution).stages[0].record == (
        RecordTopic(name="/answer", type="own_msgs/msg/Nothing"),
    )
    [warning] = warning_texts(execution.warnings)
    assert warning["code"] == "TYPE_UNKNOWN"
    assert "1 topic was left out" in warning["text"]
    assert "/other (own_msgs/msg/Other)" in warning["text"]
    assert Event.objects.filter(kind="topics.left_out", payload__count=1).exists()
    Execution.objects.update(status="COMPLETED")
    with pytest.raises(NotStartableError, match="/other"):
        started(simulation, template, topics=["/other"], renames={})


def test_layouts_are_planned_where_headers_are_changed(
    simulation: Simulation, template: Template
) -> None:
    Mec.objects.update(transport="null")
    with pytest.raises(NotStartableError, match=r"/map .*/other .* play headers as recorded"):
        started(simulation, template, restamp=True)
    topics = played(started(simulation, template, excluded_topics=["/map", "/other"]))
    assert topics["/status"].layout == (Header(), Block(8, 8))
    assert topics["/imu"].layout == IMU.layout


def test_a_definition_that_contradicts_the_hash_of_the_rosbag_does_not_count(
    simulation: Simulation, template: Template
) -> None:
    RosbagTopic.objects.filter(name="/status").update(type_hash=HASH)
    with pytest.raises(NotStartableError, match=r"/status"):
        started(simulation, template, prefix_frames=True, excluded_topics=["/map", "/other"])
    topics = played(started(simulation, template, prefix_frames=False))
    assert topics["/status"].type_hash == HASH


def test_a_plan_without_types_is_not_run_again_where_they_are_needed(
    simulation: Simulation, template: Template
) -> None:
    execution = started(simulation, template, topics=["/imu"], record_topics=[])
    plan: dict[str, Any] = execution.plan
    plan["stages"][0]["topics"] = ["/imu"]
    execution.plan = plan | {"version": 1}
    Execution.objects.update(status="COMPLETED", plan=execution.plan)
    with pytest.raises(NotStartableError, match="does not tell the message types"):
        lifecycle.start_again(execution)
