"""Replay over DDS: every message arrives as recorded, and the graph is right."""

from agent.protocol import Command
from agent.tests.conftest import until
from agent.tests.ros2.conftest import (
    HASHES,
    MESSAGES,
    NUMBERS,
    TYPES,
    hashes,
    subscription,
)

BEST_EFFORT = {"reliability": "best_effort"}


def test_every_message_arrives_as_recorded(sent, listen, play):
    names = ("/odom", "/imu", "/map")
    best_effort = {"reliability": "best_effort"}
    raw = listen(
        *(
            subscription(name, agent, **(best_effort if name == "/imu" else {}))
            for name in names
            for agent in NUMBERS
        )
    )
    typed = listen(
        *(subscription("/odom", agent, typed=True, **best_effort) for agent in NUMBERS),
        *(subscription("/imu", agent, typed=True, **best_effort) for agent in NUMBERS),
    )
    # Slowly: nobody sends best-effort messages again that find no room at a receiver that is busy.
    fake, unit = play(*names, hold=True, rate=0.2)
    until(lambda: raw.matched and typed.matched)
    agents = [["agent", f"/agent_{agent}"] for agent in NUMBERS]
    # The graph learns of nodes a little later than of their publishers.
    until(lambda: [node for node in raw.graph()["nodes"] if node[0] == "agent"] == agents)
    graph = raw.graph()
    fake.hold = False
    assert unit.wait() == 0
    expected = {f"/agent_{agent}{name}": sent[name] for name in names for agent in NUMBERS}
    until(lambda: {k: len(v) for k, v in raw.received.items()} == dict.fromkeys(expected, MESSAGES))
    assert raw.received == {name: hashes(messages) for name, messages in expected.items()}
    for agent in NUMBERS:
        frames = [f"'frame {number}'" for number in range(0, 100, 5)]
        odom = typed.messages[f"/agent_{agent}/odom"]
        assert [frame in text for frame, text in zip(frames, odom, strict=True)] == [
            True
        ] * MESSAGES
    for name, ends in graph["graph"].items():
        kind = TYPES[f"/{name.rpartition('/')[2]}"]
        assert ends["theirs"] == [[kind, HASHES[kind]]]
        assert ends["ours"][0] == ends["theirs"][0]
    assert not [service for service, _ in graph["services"] if "agent" in service]


def test_types_without_a_package_arrive_too(sent, listen, play):
    names = ("/tf", "/thing")
    listener = listen(*(subscription(name, 1) for name in names))
    fake, unit = play(*names, hold=True)
    until(lambda: listener.matched)
    fake.hold = False
    assert unit.wait() == 0
    expected = {f"/agent_1{name}": hashes(sent[name]) for name in names}
    until(lambda: listener.received == expected)
    for name, ends in listener.graph()["graph"].items():
        assert ends["ours"] == [
            [TYPES[f"/{name.rpartition('/')[2]}"], HASHES[TYPES[f"/{name.rpartition('/')[2]}"]]]
        ]


def test_a_late_subscriber_gets_the_last_latched_message(sent, listen, play):
    latched = subscription("/map", 1, durability="transient_local", depth=1)
    early = listen(latched)
    fake, unit = play("/map", "/odom", passes=2, pass_gap=600)
    last = hashes(sent["/map"])[-1]
    until(lambda: early.received["/agent_1/map"][-1:] == [last])
    late = listen(latched)
    until(lambda: late.received["/agent_1/map"] == [last])
    fake.command = Command.STOP
    assert unit.wait() == 0
