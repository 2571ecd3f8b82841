"""Publishes numbered messages by the agents' own transport: `ros2_sender.py LINK TOPICS`.

It waits until each topic has a subscriber, and ends when all is acknowledged.
"""

import sys
import tempfile
import time
from pathlib import Path

from agent.protocol import Link, PlayedTopic, decode
from agent.transports import create

MESSAGES = 50


def main(link: Link, topics: list[PlayedTopic]) -> None:
    transport = create(link)
    with tempfile.TemporaryDirectory() as folder:
        transport.open(link, Path(folder))
        publishers = [transport.publisher("/agent_1", topic) for topic in topics]
        while not all(transport.subscribers("/agent_1", topic) for topic in topics):
            time.sleep(0.05)
        for number in range(MESSAGES):
            for publish in publishers:
                publish(b"\x00\x01\x00\x00" + number.to_bytes(4, "little") * 100)
            time.sleep(0.01)
        while not all(played.is_acknowledged for played in transport._played.values()):
            time.sleep(0.05)
        transport.close()


if __name__ == "__main__":
    main(decode(sys.argv[1], Link), [decode(text, PlayedTopic) for text in sys.argv[2:]])
