"""A plain ROS 2 node that prints what it receives, one JSON object a line: `ros2_listener.py SPECIFICATION`.

It imports nothing of robotsim, except for types without a message package. It ends when its input is closed.
"""

import hashlib
import importlib
import json
import os
import sys
import threading
import time
from functools import cache
from typing import Any

import rclpy
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

printing = threading.Lock()


def tell(**values: Any) -> None:
    with printing:
        sys.stdout.write(json.dumps(values) + "\n")
        sys.stdout.flush()


def message_class(name: str, type_hash: str) -> Any:
    """Return the class of a message package, or one made at run time where there is none."""
    package, kind, message = name.split("/")
    try:
        return getattr(importlib.import_module(f"{package}.{kind}"), message)
    except (ImportError, AttributeError):
        return made_types().get(name, type_hash)


@cache
def made_types() -> Any:
    """The types without a package, which live as long as this: C points to them."""
    from agent.transports.ros2.message_types import MessageTypes  # noqa: PLC0415

    return MessageTypes()


def profile(of: dict[str, Any]) -> QoSProfile:
    return QoSProfile(
        history=HistoryPolicy[of.get("history", "keep_last").upper()],
        depth=of.get("depth", 1000),
        reliability=ReliabilityPolicy[of.get("reliability", "reliable").upper()],
        durability=DurabilityPolicy[of.get("durability", "volatile").upper()],
    )


class Listener:
    """The subscriptions of a specification; each message is also published on its `answers`."""

    def __init__(self, node: Node, specification: dict[str, Any]) -> None:
        self.node = node
        self.subscriptions = []
        self.answers = []
        for topic in specification["topics"]:
            kind = message_class(topic["type"], topic.get("hash", ""))
            typed = topic.get("typed", False)
            receive = self.typed(topic["name"]) if typed else self.raw(topic["name"])
            self.subscriptions.append(
                node.create_subscription(
                    kind, topic["name"], receive, profile(topic), raw=not typed
                )
            )
        for topic in specification.get("answers", ()):
            kind = message_class(topic["type"], topic.get("hash", ""))
            self.answers.append(node.create_publisher(kind, topic["name"], profile(topic)))

    def raw(self, name: str) -> Any:
        def receive(data: bytes) -> None:
            tell(topic=name, sha256=hashlib.sha256(data).hexdigest())
            for publisher in self.answers:
                publisher.publish(data)

        return receive

    def typed(self, name: str) -> Any:
        return lambda message: tell(topic=name, message=str(message))

    def watch(self) -> None:
        """Tell of publishers and subscribers that come and go."""
        before: Any = None
        while True:
            publishers = {one.topic_name: one.get_publisher_count() for one in self.subscriptions}
            answers = {one.topic_name: one.get_subscription_count() for one in self.answers}
            now = (publishers, answers)
            if now != before:
                tell(publishers=publishers, subscribers=answers)
                before = now
            time.sleep(0.02)

    def graph(self) -> dict[str, Any]:
        """Types and hashes of publishers, as the graph has them, beside those of this node."""
        return {
            one.topic_name: {
                end: sorted((info.topic_type, str(info.topic_type_hash)) for info in infos)
                for end, infos in (
                    ("theirs", self.node.get_publishers_info_by_topic(one.topic_name)),
                    ("ours", self.node.get_subscriptions_info_by_topic(one.topic_name)),
                )
            }
            for one in self.subscriptions
        }


def main(specification: dict[str, Any]) -> None:
    rclpy.init(domain_id=specification["domain"])
    node = Node("listener")
    listener = Listener(node, specification)
    threading.Thread(target=rclpy.spin, args=(node,), daemon=True).start()
    threading.Thread(target=listener.watch, daemon=True).start()
    for line in sys.stdin:
        if line == "graph\n":
            nodes = sorted(node.get_node_names_and_namespaces())
            tell(graph=listener.graph(), nodes=nodes, services=node.get_service_names_and_types())
    rclpy.shutdown()
    os._exit(0)  # whatever its threads are doing


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
