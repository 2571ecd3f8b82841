"""Segments of recordings, which are stored while the run goes on."""

import signal
from collections import Counter
from pathlib import Path

import pytest
from mcap.reader import NonSeekingReader, make_reader
from mcap.records import Message
from mcap.stream_reader import StreamReader
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_typestore

from agent.protocol import Command
from agent.tests.conftest import MESSAGES, UnitProcess, until
from agent.tests.server import QOS, FakeServer
from rosbag2.checks.verify import verify

STORE = get_typestore(Stores.ROS2_JAZZY)
TYPE = "std_msgs/msg/String"
RECORD = [
    {
        "name": "/odom",
        "type": TYPE,
        "type_hash": STORE.hash_rihs01(TYPE),
        "definition": "string data\n",
        "definition_encoding": "ros2msg",
    }
]
RUN = {"record": RECORD, "passes": 1_000_000, "segment_seconds": 0.2}
AGENTS = [{"number": n, "namespace": f"/agent_{n}"} for n in (1, 2, 3)]


def kept(unit: UnitProcess) -> list[Path]:
    """The data files that a unit has on its disk."""
    return sorted((unit.work_dir / "recording-1").glob("*/recording_*"))


def readable(file: Path) -> int:
    """Number of messages that can be read from an MCAP file without its end."""
    count = 0
    with file.open("rb") as stream:
        try:
            for record in StreamReader(stream).records:
                count += isinstance(record, Message)
        except Exception:  # noqa: BLE001 - how it ends does not matter
            return count
    return count


@pytest.mark.parametrize(("storage", "ending"), [("mcap", "mcap"), ("sqlite3", "db3")])
def test_segments_are_stored_while_the_run_goes_on(bag, serve, start, tmp_path, storage, ending):
    fake = FakeServer(bag, RUN | {"record_storage": storage})
    unit = start(serve(fake))
    until(lambda: fake.snapshots and fake.last.recording and fake.last.recording.segments >= 3)
    assert fake.last.agents[0].state == "RUNNING"
    assert fake.last.agents[0].recording is None
    assert fake.closed == []
    fake.command = Command.STOP
    assert unit.wait() == 0
    names = [segment.file.path for segment in fake.segments]
    assert names == [f"recording_1_{number}.{ending}" for number in range(len(names))]
    [closed] = fake.closed
    assert (closed.agent, closed.segments, closed.dropped) == (None, len(names), 0)
    recorded = (fake.last.agents[0].published + 1) // 2
    assert closed.message_count == fake.recorded.total() == recorded
    assert kept(unit) == []
    stored = fake.save_recording(tmp_path / "stored")
    assert verify(stored).status == "ready"
    with Reader(stored) as reader:
        assert sum(1 for _ in reader.messages()) == recorded
    with AnyReader([stored]) as reader:
        # Its definition comes from the files: without one a reader of any type cannot open them.
        assert TYPE in reader.typestore.fielddefs
        assert reader.message_count == recorded


def test_definitions_hashes_and_qos_are_in_every_mcap(bag, serve, start, tmp_path):
    fake = FakeServer(bag, RUN | {"passes": 1, "rate": 0.2})
    assert start(serve(fake)).wait() == 0
    stored = sorted(fake.save_recording(tmp_path / "stored").glob("*.mcap"))
    assert len(stored) > 1
    messages = 0
    for file in stored:
        with file.open("rb") as stream:
            summary = make_reader(stream).get_summary()
            [schema], [channel] = summary.schemas.values(), summary.channels.values()
            messages += summary.statistics.message_count
        assert (schema.name, schema.encoding, schema.data) == (TYPE, "ros2msg", b"string data\n")
        assert channel.metadata["topic_type_hash"] == RECORD[0]["type_hash"]
        assert channel.metadata["offered_qos_profiles"] == QOS
        with file.open("rb") as stream:
            assert sum(1 for _ in NonSeekingReader(stream).iter_messages()) >= 1
    assert messages == MESSAGES // 2


def test_a_killed_unit_loses_only_its_open_segment(bag, serve, start, tmp_path):
    fake = FakeServer(bag, RUN)
    unit = start(serve(fake))
    until(lambda: fake.snapshots and fake.last.recording and fake.last.recording.segments >= 2)
    unit.signal(signal.SIGKILL)
    unit.wait()
    summary = fake.last.recording
    stored = fake.segments
    assert len(stored) >= summary.segments
    with Reader(fake.save_recording(tmp_path / "stored")) as reader:
        assert sum(1 for _ in reader.messages()) == fake.recorded.total()
    if summary.open_since_ns is not None:
        assert summary.open_since_ns > stored[summary.segments - 1].last_ns


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_the_open_segment_of_a_killed_unit_can_be_read(bag, serve, start, storage):
    fake = FakeServer(bag, RUN | {"segment_seconds": 3600, "record_storage": storage})
    unit = start(serve(fake))
    until(lambda: fake.snapshots and fake.last.agents[0].published > 100)
    if storage == "mcap":
        until(lambda: readable(kept(unit)[0]) > 10)
    unit.signal(signal.SIGKILL)
    unit.wait()
    [file] = [path for path in kept(unit) if path.suffix in {".mcap", ".db3"}]
    assert file.stem == "recording_1_0"
    assert fake.last.recording.open_since_ns is not None
    if storage == "mcap":
        assert readable(file) > 10
    else:
        assert file.stat().st_size > 100 * 20


def test_segments_wait_on_disk_while_the_storage_is_away(bag, serve, start, tmp_path):
    fake = FakeServer(bag, RUN, refuse={"put": [(503, "AWAY")] * 1000})
    unit = start(serve(fake))
    until(lambda: len([path for path in kept(unit) if path.suffix == ".mcap"]) >= 4)
    assert fake.last.recording.segments == 0
    assert fake.segments == []
    fake.refuse.clear()
    until(lambda: fake.last.recording.segments >= 4)
    assert fake.last.agents[0].state == "RUNNING"
    fake.command = Command.STOP
    assert unit.wait() == 0
    assert fake.closed[0].message_count == fake.recorded.total()
    assert fake.recorded.total() == (fake.last.agents[0].published + 1) // 2
    assert kept(unit) == []


def test_each_agent_has_a_recording_of_its_own(bag, serve, start, tmp_path):
    plan = {"agents": AGENTS, "record_scope": "agent", "passes": 3, "rate": 0.5}
    fake = FakeServer(bag, RUN | plan)
    assert start(serve(fake)).wait() == 0
    expected = 3 * MESSAGES // 2
    assert {(c.agent, c.message_count) for c in fake.closed} == {(n, expected) for n in (1, 2, 3)}
    for agent in fake.last.agents:
        assert agent.recording.messages == expected
        assert agent.recording.segments > 1
        assert agent.recording.open_since_ns is None
        own = fake.save_recording(tmp_path / str(agent.number), agent.number)
        assert (own / f"recording_agent_{agent.number}_1_0.mcap").exists()
        with Reader(own) as reader:
            topics = Counter(connection.topic for connection, _, _ in reader.messages())
        assert topics == {f"/agent_{agent.number}/odom": expected}
    assert fake.last.recording.messages == 3 * expected


def test_of_agents_that_never_began_empty_recordings_are_closed(bag, serve, start):
    fake = FakeServer(bag, RUN | {"agents": AGENTS, "record_scope": "agent"}, hold=True)
    unit = start(serve(fake))
    until(lambda: fake.snapshots and fake.last.agents[0].state == "READY")
    fake.command = Command.STOP
    assert unit.wait() == 0
    assert [(c.agent, c.segments) for c in fake.closed] == [(1, 0), (2, 0), (3, 0)]
    assert fake.offers == []
