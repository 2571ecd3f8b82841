"""Subscriptions of the unit itself, for its recordings, are none of those that hear what it plays."""

import json
import os
import subprocess
import sys

from agent.tests.conftest import ROOT, until
from agent.tests.ros2.conftest import HASHES, TYPES, subscription
from tests.support.ros2 import link

SCRIPT = """
import sys
from pathlib import Path
from agent.protocol import Link, PlayedTopic, Qos, RecordTopic, decode
from agent.tests.conftest import until
from agent.transports.ros2.transport import Ros2Transport

text, kind, type_hash, folder = sys.argv[1:]
link = decode(text, Link)
transport = Ros2Transport()
transport.open(link, Path(folder))
topic = PlayedTopic(name="/odom", type=kind, type_hash=type_hash)
transport.publisher("/agent_1", topic)
qos = Qos(reliability="best_effort")
own = RecordTopic(name="/odom", type=kind, type_hash=type_hash, qos=qos)
transport.subscribe("/agent_1", own, print)
node = transport._nodes["/agent_1"]
until(lambda: transport.subscribers("/agent_1", topic) == 1)
until(lambda: len(node.get_subscriptions_info_by_topic("/agent_1/odom")) == 2)
transport.check()
print(len(transport._played["/agent_1/odom"].processes), transport.knowledge.acknowledged)
transport.close()
"""


def test_own_subscriptions_acknowledge_nothing(domain, listen, tmp_path):
    listener = listen(subscription("/odom", 1))
    until(lambda: listener.publishers)
    kind = TYPES["/odom"]
    arguments = [json.dumps(link(domain)), kind, HASHES[kind], str(tmp_path)]
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        check=True,
    )
    assert result.stdout.split() == [b"1", b"True"]
