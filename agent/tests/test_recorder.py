"""The recorder's thread: waits rather than drops, and counts what it must drop."""

import threading

from rosbags.rosbag2 import Reader

from agent.recorder import Recorder
from agent.tests.conftest import CHATTER, IMU, ODOM


def test_a_full_queue_blocks_senders_and_loses_nothing(tmp_path):
    recorder = Recorder(tmp_path / "r", [ODOM, IMU], capacity=2000)
    recorder.start()
    recorder.begin()
    senders = [
        threading.Thread(target=lambda n=n: [recorder.input_for(n)(CHATTER) for _ in range(2000)])
        for n in (0, 1)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    recorder.close()
    summary = recorder.summary()
    assert (summary.messages, summary.dropped) == (4000, 0)
    assert recorder.counts == {"/odom": 2000, "/imu": 2000}
    with Reader(tmp_path / "r") as reader:
        stamps = [stamp for _, stamp, _ in reader.messages()]
    assert len(stamps) == 4000


def test_before_the_run_nothing_is_recorded(tmp_path):
    recorder = Recorder(tmp_path / "r", [ODOM])
    recorder.start()
    recorder.input_for(0)(CHATTER)
    recorder.begin()
    recorder.input_for(0)(CHATTER)
    recorder.close()
    assert recorder.summary().messages == 1


def test_a_folder_that_cannot_be_written_is_an_error_and_drops_are_counted(tmp_path):
    (tmp_path / "r").write_text("a file where the folder should be")
    recorder = Recorder(tmp_path / "r", [ODOM], capacity=100)
    recorder.start()
    recorder.begin()
    for _ in range(10):
        recorder.input_for(0)(CHATTER)
    recorder.close()
    assert recorder.error
    assert recorder.summary().messages == 0
    assert recorder.summary().dropped == 10
