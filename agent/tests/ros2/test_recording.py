"""Recording from DDS: what others publish, whatever QoS they offer, and own messages once."""

from collections import Counter

import pytest
from rosbags.rosbag2 import Reader

from agent.tests.conftest import PAUSE, play_until_recorded, until
from agent.tests.ros2.conftest import HASHES, MESSAGES, TYPES, subscription

ANSWER = "/answer"
RECORD = [
    {"name": name, "type": TYPES["/odom"], "type_hash": HASHES[TYPES["/odom"]]}
    for name in ("/odom", ANSWER)
]


def answer(**more: object) -> dict[str, object]:
    return subscription("/odom", 1) | {"name": f"/agent_1{ANSWER}"} | more


@pytest.fixture(params=[True, False], ids=["own too", "answers only"])
def record_own(request):
    return request.param


@pytest.mark.parametrize("reliability", ["reliable", "best_effort"])
def test_answers_are_recorded(reliability, record_own, tmp_path, sent, listen, play):
    answers = [answer(reliability=reliability)]
    listener = listen(subscription("/odom", 1), answers=answers)
    one = [{"number": 1, "namespace": "/agent_1"}]
    options = {"agents": one, "record": RECORD, "record_own": record_own} | PAUSE
    fake, unit = play("/odom", hold=True, **options)
    until(lambda: listener.matched and listener.heard)
    fake.hold = False
    counted = {"/agent_1/answer": MESSAGES} | ({"/agent_1/odom": MESSAGES} if record_own else {})
    play_until_recorded(fake, unit, sum(counted.values()))
    assert fake.recorded == counted
    with Reader(fake.save_recording(tmp_path / "stored")) as reader:
        counts = Counter(connection.topic for connection, _, _ in reader.messages())
        recorded = [data for c, _, data in reader.messages() if c.topic == "/agent_1/answer"]
    assert counts == counted
    assert recorded == sent["/odom"]
