"""Keys, tokens, GIDs and attachments, as written in the documents of rmw_zenoh and by its nodes."""

import pytest
from zenoh import ZBytes
from zenoh.ext import Int64, z_deserialize, z_serialize

from agent.protocol import Qos
from agent.transports.zenoh.wire import Endpoint, Node, attachment, dds_type, gid, qos_text

STRING = "std_msgs/msg/String"
STRING_HASH = "RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18"
EVENTS = "rcl_interfaces/msg/ParameterEvent"
EVENTS_HASH = "RIHS01_043e627780fcad87a22d225bc2a037361dba713fca6a6b9f4b869a5aa0393204"
SOURCE = bytes(range(16))


def endpoint(kind: str, session: str, number: int, **more: object) -> Endpoint:
    name = "talker" if kind == "MP" else "listener"
    node = Node(0, session, 0, "/", name)
    values = {"topic": "/chatter", "type": STRING, "type_hash": STRING_HASH, "qos": Qos()} | more
    return Endpoint(node, kind, number, **values)  # type: ignore[arg-type]


def test_node_token_of_the_design_document() -> None:
    key = Node(2, "aac3178e146ba6f1fc6e6a4085e77f21", 0, "/", "listener").token
    assert key == "@ros2_lv/2/aac3178e146ba6f1fc6e6a4085e77f21/0/0/NN/%/%/listener"


TOKENS = {
    # docs/design.md
    "@ros2_lv/0/aac3178e146ba6f1fc6e6a4085e77f21/0/10/MS/%/%/listener/%chatter/"
    f"std_msgs::msg::dds_::String_/{STRING_HASH}/::,10:,:,:,,": endpoint(
        "MS", "aac3178e146ba6f1fc6e6a4085e77f21", 10
    ),
    "@ros2_lv/0/8b20917502ee955ac4476e0266340d5c/0/10/MP/%/%/talker/%chatter/"
    f"std_msgs::msg::dds_::String_/{STRING_HASH}/::,7:,:,:,,": endpoint(
        "MP", "8b20917502ee955ac4476e0266340d5c", 10, qos=Qos(depth=7)
    ),
    # printed by the talker of demo_nodes_cpp
    "@ros2_lv/0/ae35e834a80cb2398c738e251c05e716/0/8/MP/%/%/talker/%parameter_events/"
    f"rcl_interfaces::msg::dds_::ParameterEvent_/{EVENTS_HASH}/::,1000:,:,:,,": endpoint(
        "MP",
        "ae35e834a80cb2398c738e251c05e716",
        8,
        topic="/parameter_events",
        type=EVENTS,
        type_hash=EVENTS_HASH,
        qos=Qos(depth=1000),
    ),
}


@pytest.mark.parametrize("token", TOKENS)
def test_endpoint_tokens_are_those_of_rmw_zenoh(token: str) -> None:
    assert TOKENS[token].token == token


def test_keys_of_the_design_document() -> None:
    key = endpoint("MP", "1", 10).key
    assert key == f"0/chatter/std_msgs::msg::dds_::String_/{STRING_HASH}"
    key = endpoint("MP", "1", 10, topic="/robot1/chatter").key
    assert key == f"0/robot1/chatter/std_msgs::msg::dds_::String_/{STRING_HASH}"


def test_names_in_a_namespace_and_an_unknown_hash() -> None:
    node = Node(7, "ab", 3, "/fleet/agent_7", "agent")
    heard = Endpoint(node, "MS", 4, "/fleet/agent_7/plan", "a_b/msg/Plan", "", Qos())
    assert heard.key == "7/fleet/agent_7/plan/a_b::msg::dds_::Plan_/*"
    node_part, topic_part = heard.token.split("/agent/")
    assert node_part == "@ros2_lv/7/ab/3/4/MS/%/%fleet%agent_7"
    assert topic_part == (
        "%fleet%agent_7%plan/a_b::msg::dds_::Plan_/TypeHashNotSupported/::,10:,:,:,,"
    )


@pytest.mark.parametrize(
    ("qos", "text"),
    [
        (Qos(depth=42), "::,:,:,:,,"),
        (Qos(depth=0), "::,:,:,:,,"),
        (Qos(reliability="best_effort", depth=5), "2::,5:,:,:,,"),
        (Qos(durability="transient_local", depth=1), ":1:,1:,:,:,,"),
        (Qos(history="keep_all", depth=10), "::2,10:,:,:,,"),
    ],
)
def test_qos_is_written_where_it_differs_from_that_by_default(qos: Qos, text: str) -> None:
    # The numbers are those of rmw/types.h.
    assert qos_text(qos) == text


def test_types_of_packages_and_of_services() -> None:
    assert dds_type("sensor_msgs/msg/Imu") == "sensor_msgs::msg::dds_::Imu_"
    assert dds_type("a/srv/Add_Request") == "a::srv::dds_::Add_Request_"


def test_gid_is_the_hash_of_the_token_with_its_lower_half_first() -> None:
    # XXH3_128bits("hello") of the reference implementation: high, then low.
    high, low = 0xB5E9C1AD071B3E7F, 0xC779CFAA5E523818
    assert gid("hello") == low.to_bytes(8, "little") + high.to_bytes(8, "little")


def test_binary_attachment_is_that_of_the_serializer_of_zenoh() -> None:
    data = attachment("binary", SOURCE)(1, 1_700_000_000_123_456_789)
    assert data == z_serialize((Int64(1), Int64(1_700_000_000_123_456_789), SOURCE)).to_bytes()
    assert (len(data), data[16]) == (33, 16)


def test_keyed_attachment_has_each_value_after_its_name() -> None:
    data = attachment("keyed", SOURCE)(2, 3)
    assert len(data) == 77
    values = tuple[str, Int64, str, Int64, str, bytes]
    assert z_deserialize(values, ZBytes(data)) == (
        *("sequence_number", 2),
        *("source_timestamp", 3),
        *("source_gid", SOURCE),
    )
