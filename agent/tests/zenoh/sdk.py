"""An implementation of rmw_zenoh that is not ours, zenoh-ros2-sdk, in a process of its own.

`python -m agent.tests.zenoh.sdk PORT listen|publish TOPICS`, where TOPICS is a JSON object of names to types.
It writes `ready`, and then a line of JSON for each message, or publishes numbered messages until its end.
"""

import json
import sys
import threading
import time

from rosbags.typesys import Stores, get_typestore
from zenoh_ros2_sdk import ROS2Publisher, ROS2Subscriber

STORE = get_typestore(Stores.ROS2_JAZZY)
PAUSE_SECONDS = 0.02


def values(port: int, topic: str, kind: str) -> dict[str, object]:
    """Arguments of an endpoint; without definition and hash it would clone them from the network."""
    return {
        "topic": topic,
        "msg_type": kind,
        "msg_definition": STORE.generate_msgdef(kind)[0],
        "type_hash": STORE.hash_rihs01(kind),
        "router_ip": "127.0.0.1",
        "router_port": port,
        "domain_id": 0,
    }


def write(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def listen(port: int, topics: dict[str, str]) -> None:
    """Write what arrives, decoded: the topic, and the frame or the text."""
    lock = threading.Lock()

    def write_message(topic: str, message: object) -> None:
        header = getattr(message, "header", None)
        text = header.frame_id if header else message.data  # type: ignore[attr-defined]
        with lock:
            write(json.dumps([topic, text]))

    kept = [
        ROS2Subscriber(
            callback=lambda m, topic=topic: write_message(topic, m), **values(port, topic, kind)
        )
        for topic, kind in topics.items()
    ]
    write("ready")
    sys.stdin.read()
    del kept


def publish(port: int, topics: dict[str, str]) -> None:
    """Publish numbered strings."""
    publishers = [ROS2Publisher(**values(port, topic, kind)) for topic, kind in topics.items()]
    write("ready")
    number = 0
    while True:
        for publisher in publishers:
            publisher.publish(data=f"number {number}")
        number += 1
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    {"listen": listen, "publish": publish}[sys.argv[2]](int(sys.argv[1]), json.loads(sys.argv[3]))
