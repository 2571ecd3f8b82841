"""Recordings that others made: every message of the data is played."""

from pathlib import Path

import pytest

from agent.tests.conftest import ROOT
from agent.tests.server import FakeServer
from rosbag2.reading.reader import BagReader

BAGS = ROOT.parent / "shared" / "bags"
BUNDLES = sorted(BAGS.glob("o*"))

pytestmark = pytest.mark.skipif(not BUNDLES, reason="the folder of recordings is absent")


@pytest.mark.parametrize("folder", BUNDLES, ids=lambda folder: folder.name)
def test_a_complete_recording_is_played(folder: Path, serve, start):
    with BagReader(folder) as reader:
        topics = [topic.name for topic in reader.topics]
        count = sum(map(len, reader.batches()))
    record = [{"name": topics[0], "type": "x/msg/Y"}]
    fake = FakeServer(folder, {"topics": topics, "rate": 0, "record": record})
    assert start(serve(fake)).wait() == 0
    assert count > 0
    assert fake.last.agents[0].published == count
    assert fake.last.agents[0].passes == 1
    assert 0 < fake.recorded.total() <= count
    assert fake.closed[-1].dropped == 0
