"""The simplest player that people write with rosbags: one process per robot, sleep until due, publish.

Publishes the recorded bytes below a namespace over Zenoh, once, and prints its figures as JSON.
"""

import json
import resource
import sys
import time
from pathlib import Path

import zenoh
from rosbags.rosbag2 import Reader


def main(folder: str, namespace: str, endpoint: str) -> None:
    """Play a bundle."""
    config = zenoh.Config()
    for key, value in {
        "mode": "client",
        "connect/endpoints": [endpoint],
        "scouting/multicast/enabled": False,
    }.items():
        config.insert_json5(key, json.dumps(value))
    lateness = []
    with zenoh.open(config) as session, Reader(Path(folder)) as reader:
        publishers = {
            row.topic: session.declare_publisher(namespace + row.topic)
            for row in reader.connections
        }
        first = next(stamp for _connection, stamp, _data in reader.messages())
        start = time.time_ns()
        for connection, stamp, data in reader.messages():
            due = start + stamp - first
            if (ahead := due - time.time_ns()) > 0:
                time.sleep(ahead / 1e9)
            publishers[connection.topic].put(data)
            lateness.append((time.time_ns() - due) / 1000)
    used = resource.getrusage(resource.RUSAGE_SELF)
    figures = {
        "start": start,
        "lateness_us": lateness,
        "cpu": used.ru_utime + used.ru_stime,
        "memory": used.ru_maxrss * 1024,
    }
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
