"""Every form of a bag is fetched, compared by checksum, and played whole by a unit."""

from pathlib import Path

import pytest
import zstandard

from agent.tests.server import FakeServer
from rosbag2.tests.bundles import bag, database, metadata, rows
from rosbag2.tests.corpus import Mcap, groups, mcap_bag

RECORD = [{"name": "/odom", "type": "nav_msgs/msg/Odometry"}]
PACKED = "  compression_format: zstd\n  compression_mode: {mode}\n"


def plain(folder: Path) -> Path:
    return bag(folder, rows(40))


def file_zstd(folder: Path) -> Path:
    bag(folder, rows(40))
    data = folder / "bag_0.db3"
    (folder / "bag_0.db3.zstd").write_bytes(zstandard.compress(data.read_bytes()))
    data.unlink()
    metadata(folder, files=["bag_0.db3.zstd"], more=PACKED.format(mode="FILE"))
    return folder


def message_zstd(folder: Path) -> Path:
    folder.mkdir()
    packed = [(topic, time, zstandard.compress(data)) for topic, time, data in rows(40)]
    database(folder / "bag_0.db3", packed)
    metadata(folder, more=PACKED.format(mode="MESSAGE"))
    return folder


def mcap(folder: Path) -> Path:
    return mcap_bag(folder, Mcap(groups(), None).data())


def mcap_zstd(folder: Path) -> Path:
    return mcap_bag(folder, Mcap(groups(), "zstd").data())


def mcap_lz4(folder: Path) -> Path:
    return mcap_bag(folder, Mcap(groups(), "lz4").data())


FORMS = [plain, file_zstd, message_zstd, mcap, mcap_zstd, mcap_lz4]


@pytest.mark.parametrize("make", FORMS, ids=lambda make: make.__name__)
def test_every_message_is_played(make, tmp_path: Path, serve, start):
    folder = make(tmp_path / "bag")
    fake = FakeServer(folder, {"topics": ["/odom", "/imu"], "rate": 0, "record": RECORD})
    assert start(serve(fake)).wait() == 0
    [agent] = fake.last.agents
    assert (agent.published, agent.passes) == (40, 1)
    assert agent.published_bytes == 40 * 20  # unpacked, as they were recorded
    assert fake.recorded.total() == 20


@pytest.mark.parametrize("make", [file_zstd, mcap_zstd], ids=lambda make: make.__name__)
def test_a_copy_that_was_changed_is_fetched_again(make, tmp_path: Path, serve, start):
    folder = make(tmp_path / "bag")
    fake = FakeServer(folder, {"topics": ["/odom", "/imu"], "rate": 0})
    assert start(serve(fake)).wait() == 0
    [kept] = [
        path for path in (tmp_path / "unit").rglob("bag_0.*") if path.suffix in {".zstd", ".mcap"}
    ]
    body = bytearray(kept.read_bytes())
    body[len(body) // 2] ^= 0xFF
    kept.write_bytes(body)
    (tmp_path / "unit" / "exit.json").unlink()
    again = FakeServer(folder, {"topics": ["/odom", "/imu"], "rate": 0})
    assert start(serve(again)).wait() == 0
    assert again.last.agents[0].published == 40
    assert kept.read_bytes() != bytes(body)
