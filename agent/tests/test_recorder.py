"""The recorder's thread: waits rather than drops, counts what it must drop, and closes segments."""

import threading
import time

from rosbags.rosbag2 import Reader

from agent.recording.recorder import Recorder
from agent.recording.segments import Segment, SegmentRules, SegmentWriter
from agent.tests.conftest import CHATTER, IMU, ODOM


class Recorded:
    """A recorder of one recording, with the segments that it has closed."""

    def __init__(self, folder, topics=(ODOM,), *, capacity=2000, **rules) -> None:
        self.segments: list[Segment] = []
        writer = SegmentWriter(folder, "recording_1", topics, SegmentRules(**rules))
        self.recorder = Recorder(
            [writer], lambda _, segment: self.segments.append(segment), capacity=capacity
        )
        self.recorder.start()

    def add(self, messages: int, topic: int = 0, data: bytes = CHATTER) -> None:
        for _ in range(messages):
            self.recorder.input_for(0, topic)(data)

    @property
    def messages(self) -> int:
        return sum(segment.messages for segment in self.segments)


def test_a_full_queue_blocks_senders_and_loses_nothing(tmp_path):
    recorded = Recorded(tmp_path, (ODOM, IMU))
    recorded.recorder.begin()
    senders = [threading.Thread(target=recorded.add, args=(2000, topic)) for topic in (0, 1)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    recorded.recorder.close()
    [segment] = recorded.segments
    assert segment.counts == {"/odom": 2000, "/imu": 2000}
    assert recorded.recorder.dropped(0) == 0
    with Reader(segment.file.parent) as reader:
        assert sum(1 for _ in reader.messages()) == 4000


def test_before_the_run_nothing_is_recorded(tmp_path):
    recorded = Recorded(tmp_path)
    recorded.add(1)
    recorded.recorder.begin()
    recorded.add(1)
    recorded.recorder.close()
    assert recorded.messages == 1


def test_without_messages_there_is_no_segment(tmp_path):
    recorded = Recorded(tmp_path)
    recorded.recorder.begin()
    recorded.recorder.close()
    assert recorded.segments == []
    assert list(tmp_path.iterdir()) == []


def test_a_segment_is_closed_at_its_size(tmp_path):
    recorded = Recorded(tmp_path, max_bytes=1000)
    recorded.recorder.begin()
    for _ in range(5):
        recorded.add(1, data=bytes(1000))
        deadline = time.monotonic() + 20
        while recorded.recorder.accepted > recorded.messages and time.monotonic() < deadline:
            time.sleep(0.01)
    recorded.recorder.close()
    assert [segment.messages for segment in recorded.segments] == [1] * 5
    names = [segment.file.name for segment in recorded.segments]
    assert names == [f"recording_1_{number}.mcap" for number in range(5)]
    times = [(segment.first_ns, segment.last_ns) for segment in recorded.segments]
    assert times == sorted(times)


def test_a_segment_is_closed_after_its_time(tmp_path):
    recorded = Recorded(tmp_path, seconds=0.0)
    recorded.recorder.begin()
    recorded.add(1)
    deadline = time.monotonic() + 20
    while not recorded.segments and time.monotonic() < deadline:
        time.sleep(0.01)
    assert recorded.messages == 1
    recorded.recorder.close()


def test_a_folder_that_cannot_be_written_is_an_error_and_drops_are_counted(tmp_path):
    (tmp_path / "recording_1_0").write_text("a file where the folder should be")
    recorded = Recorded(tmp_path, capacity=100)
    recorded.recorder.begin()
    recorded.add(10)
    recorded.recorder.close()
    assert recorded.recorder.error
    assert recorded.messages == 0
    assert recorded.recorder.dropped(0) == 10
