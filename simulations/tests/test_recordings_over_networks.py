"""Recordings of whole systems over the transports of ROS 2, in segments, as other readers see them."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mcap.reader import make_reader
from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_typestore

from rosbag2.reading.reader import BagReader
from rosbag2.writing.sample import make_sample
from simulations.choices import Transport
from simulations.models import Recording
from simulations.services.designs import mecs
from simulations.services.designs.simulations import StageSpec, create_simulation
from simulations.services.runs import lifecycle
from simulations.tests.conftest import ended
from simulations.tests.processes import System
from storage.models import Rosbag
from storage.objects import object_store
from templates.services import templates
from tests.support import ros2
from tests.support.bags import stored_bag
from tests.support.zenoh import Router

pytestmark = pytest.mark.django_db(transaction=True)

STORE = get_typestore(Stores.ROS2_JAZZY)
TOPICS = {"/odom": "nav_msgs/msg/Odometry", "/imu": "sensor_msgs/msg/Imu"}
AGENTS = 2
SECONDS = 4.0


@contextmanager
def over_zenoh() -> Iterator[dict[str, Any]]:
    router = Router()
    try:
        yield {"endpoint": router.endpoint}
    finally:
        router.close()


@contextmanager
def over_dds() -> Iterator[dict[str, Any]]:
    """With a node of another process in the domain, without which an agent does not start."""
    heard = {"name": "/agent_1/odom", "type": TOPICS["/odom"]}
    heard["hash"] = STORE.hash_rihs01(heard["type"])
    with ros2.a_domain() as domain:
        listener = ros2.Listener(domain, [heard])
        try:
            yield {"discovery": "peers", "addresses": ["127.0.0.1"], "domain_id": domain}
        finally:
            listener.close()


WAYS = {Transport.ZENOH: over_zenoh, Transport.ROS2: over_dds}


def downloaded(rosbag: Rosbag, folder: Path) -> list[Path]:
    """Get the files of a rosbag; return those with messages."""
    for file in rosbag.files.all():
        object_store().fetch(file.key, folder / file.path)
    return sorted(folder.glob("*.mcap"))


def messages_by_rosbags(folder: Path) -> dict[str, list[bytes]]:
    """Read with `rosbags` and decode each message."""
    messages: dict[str, list[bytes]] = {}
    with Reader(folder) as reader:
        for connection, _stamp, data in reader.messages():
            STORE.deserialize_cdr(data, connection.msgtype)
            messages.setdefault(connection.topic, []).append(bytes(data))
    return messages


def counts_by_mcap(files: list[Path]) -> Counter[str]:
    """Read with `mcap`; each schema has a definition."""
    counts: Counter[str] = Counter()
    for path in files:
        with path.open("rb") as stream:
            for schema, channel, _message in make_reader(stream).iter_messages():
                assert schema
                assert schema.data
                assert schema.name == TOPICS[f"/{channel.topic.rpartition('/')[2]}"]
                counts[channel.topic] += 1
    return counts


@pytest.mark.parametrize("transport", WAYS)
def test_other_readers_read_every_message(
    transport: Transport, system: System, settings: Any, tmp_path: Path
) -> None:
    settings.RECORDING_SEGMENT_SECONDS = 1
    make_sample(tmp_path / "sample", seconds=SECONDS)
    with BagReader(tmp_path / "sample") as reader:
        sent = {
            name: [data for batch in reader.batches([name]) for _stamp, _topic, data in batch]
            for name in TOPICS
        }
    record = [{"name": name, "type": kind} for name, kind in TOPICS.items()]
    template = templates.create(
        name="sample", rosbag=stored_bag(tmp_path / "sample"), record_topics=record
    )
    with WAYS[transport]() as values:
        mec = mecs.create(slug="here", name="Here", transport=transport, **values)
        stages = [StageSpec(template=template, agent_count=AGENTS)]
        system.controller()
        execution = ended(
            lifecycle.start(
                create_simulation(name="drive", pattern="sequential", mec=mec, stages=stages)
            )
        )
    assert (execution.status, execution.data_status) == ("COMPLETED", "COMPLETE"), execution.outcome
    recording = Recording.objects.select_related("rosbag").get()
    assert recording.rosbag is not None
    files = downloaded(recording.rosbag, tmp_path / "downloaded")
    assert len(files) >= 2
    messages = messages_by_rosbags(tmp_path / "downloaded")
    assert messages == {
        f"/agent_{agent}{name}": sent[name] for agent in range(1, AGENTS + 1) for name in TOPICS
    }
    assert counts_by_mcap(files) == {topic: len(data) for topic, data in messages.items()}
