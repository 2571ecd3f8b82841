"""The other end of each transport, in a process of its own on loopback."""

import json
import multiprocessing
import os
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rosbags.typesys import Stores, get_typestore

from agent.protocol import Link, PlayedTopic
from agent.transports import Transport, create
from agent.transports.base import Publish
from tests.support.ports import free_port

TRANSPORTS = ("null", "zenoh-raw", "zenoh", "ros2")
NONE_YET = 3.0
"""Seconds without another message after which no more are expected."""
Names = Sequence[tuple[str, str]]
"""Full name and type of topics."""


@dataclass(frozen=True)
class Ends:
    """A transport of a unit, and what the other end has received; it counts only if it was asked to."""

    transport: Transport
    topics: tuple[PlayedTopic, ...]
    received: Callable[[], int]

    def publishers(self, agents: int) -> dict[str, list[Publish]]:
        """Create the publishers of each topic, in the agents' order."""
        return {
            topic.name: [self.transport.publisher(f"/agent_{n}", topic) for n in range(agents)]
            for topic in self.topics
        }

    def await_all(self, messages: int) -> int:
        """Return how many of the messages have arrived when none comes any more."""
        last = time.monotonic()
        count = self.received()
        while count < messages and time.monotonic() - last < NONE_YET:
            time.sleep(0.1)
            if (now := self.received()) > count:
                count, last = now, time.monotonic()
        return count


@contextmanager
def connected(
    transport: str, agents: int, types: dict[str, str], *, counts: bool = False
) -> Iterator[Ends]:
    """Connect a transport to another process that subscribes to these topics of so many agents."""
    store = get_typestore(Stores.ROS2_JAZZY)
    topics = tuple(
        PlayedTopic(name=name, type=kind, type_hash=store.hash_rihs01(kind))
        for name, kind in types.items()
    )
    names = [(f"/agent_{n}{name}", kind) for n in range(agents) for name, kind in types.items()]
    link = _link(transport)
    with (
        _other_end(link, names, counts=counts) as received,
        tempfile.TemporaryDirectory() as folder,
    ):
        ours = create(link)
        ours.open(link, Path(folder))
        try:
            yield Ends(ours, topics, received)
        finally:
            ours.close()


def _link(transport: str) -> Link:
    if transport == "ros2":
        domain = random.SystemRandom().randrange(1, 100)
        return Link(transport=transport, discovery="multicast", domain_id=domain)
    endpoint = "" if transport == "null" else f"tcp/127.0.0.1:{free_port()}"
    return Link(transport=transport, endpoint=endpoint)


@contextmanager
def _other_end(link: Link, names: Names, *, counts: bool) -> Iterator[Callable[[], int]]:
    """Start the process of the other end; yield what it has received."""
    if link.transport == "null":
        yield lambda: 0
        return
    spawn = multiprocessing.get_context("spawn")
    ready, count = spawn.Event(), spawn.Value("q", 0, lock=False)
    target = _node if link.transport == "ros2" else _router
    process = spawn.Process(
        target=target, args=(link, names, ready, count if counts else None), daemon=True
    )
    process.start()
    try:
        assert ready.wait(60)
        yield lambda: count.value
    finally:
        process.kill()
        process.join()


def _router(link: Link, _: Names, ready: Any, count: Any) -> None:
    """Run a Zenoh router with one subscriber to everything."""
    import zenoh  # noqa: PLC0415

    config = zenoh.Config()
    config.insert_json5("mode", '"router"')
    config.insert_json5("listen/endpoints", json.dumps([link.endpoint]))
    config.insert_json5("scouting/multicast/enabled", "false")
    config.insert_json5("timestamping/enabled", "true")
    session = zenoh.open(config)

    def add(_: zenoh.Sample) -> None:
        count.value += 1

    handler: Any = zenoh.handlers.RingChannel(1) if count is None else add
    subscriber = session.declare_subscriber("**", handler)
    ready.set()
    threading.Event().wait()
    del subscriber


def _node(link: Link, names: Names, ready: Any, count: Any) -> None:
    """Run a plain ROS 2 node that subscribes to each topic, and takes messages only to count them."""
    for name in [name for name in os.environ if name.startswith("FAST")]:
        del os.environ[name]  # the unit's own, which this process inherits
    os.environ["FASTDDS_BUILTIN_TRANSPORTS"] = "UDPv4"
    import rclpy  # noqa: PLC0415
    from rclpy.executors import SingleThreadedExecutor  # noqa: PLC0415

    context = rclpy.Context()
    context.init(args=[], domain_id=link.domain_id)
    node = rclpy.create_node("system_under_test", context=context)

    def add(_: bytes) -> None:
        count.value += 1

    for name, kind in names:
        package, _, message = kind.split("/")
        types = __import__(f"{package}.msg", fromlist=[message])
        node.create_subscription(getattr(types, message), name, add, 10, raw=True)
    ready.set()
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    if count is None:
        threading.Event().wait()
    executor.spin()
