"""Topics are published, and recorded, under the names that the template gives them."""

from rosbags.rosbag2 import Reader

from agent.tests.conftest import MESSAGES, STEP_NS, write_bag
from agent.tests.server import FakeServer
from rosbag2.formats.metadata import Topic

STRING = "std_msgs/msg/String"
FRONT = Topic("/front", STRING)
REAR = Topic("/rear", STRING)


def test_own_publications_are_recorded_under_their_new_name(tmp_path, serve, start) -> None:
    stamps = [number * STEP_NS for number in range(MESSAGES)]
    plan = {
        "topics": [
            {"name": "/front", "publish_as": "/scan"},
            {"name": "/rear", "publish_as": "/scan"},
        ],
        "record": [{"name": "/scan", "type": STRING}, {"name": "/front", "type": STRING}],
    }
    fake = FakeServer(write_bag(tmp_path / "bag", stamps, (FRONT, REAR)), plan)
    assert start(serve(fake)).wait() == 0
    assert fake.offers[-1].topics == {"/agent_7/scan": MESSAGES}
    with Reader(fake.save_recording(tmp_path / "stored")) as reader:
        numbers = [data[-4:] for _, _, data in reader.messages()]
    assert numbers == [number.to_bytes(4, "little") for number in range(MESSAGES)]
