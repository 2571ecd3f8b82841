"""The player compared with a simple loop (`time.sleep`, `put`), over zenoh-raw, in the same run.

    python -m benchmarks.replay_player [--seconds 4] [--rounds 3]

A Zenoh router with one subscriber runs in a separate process on the loopback interface; both
contestants publish 200-byte messages from this process to it with blocking congestion control. They
take turns, so that noise of the machine meets both alike. Lateness is taken after `put`, in µs, p50 and
p99 as the median of the rounds;
CPU is this process, all threads, in percent of one core.
"""

import argparse
import multiprocessing
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agent.feed import Feed
from agent.lateness import Lateness
from agent.protocol import Link
from agent.replay import Playback, PlaybackControl, Player, low_latency
from agent.transports import Transport, create
from agent.transports.base import Publish
from benchmarks import _options
from rosbag2.formats.metadata import Topic
from rosbag2.writing.sqlite_writer import BagWriter

PAYLOAD = b"\0\1\0\0" + bytes(196)
RATES = (100, 1000, 5000)
TOPIC = "/odom"


@dataclass
class Result:
    """Results of one contestant over all rounds."""

    lateness: list[Lateness] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)

    def percentile(self, percent: float) -> float:
        """Median of the rounds, so that one disturbed round does not matter."""
        return statistics.median(lateness.percentile_us(percent) or 0 for lateness in self.lateness)

    @property
    def worst(self) -> float:
        return max(lateness.percentile_us(100) or 0 for lateness in self.lateness)


def run_router(endpoint: str, ready: "multiprocessing.synchronize.Event") -> None:
    """Run the router and its subscriber until killed."""
    import zenoh  # noqa: PLC0415

    config = zenoh.Config()
    config.insert_json5("mode", '"router"')
    config.insert_json5("listen/endpoints", f'["{endpoint}"]')
    config.insert_json5("scouting/multicast/enabled", "false")
    session = zenoh.open(config)
    subscriber = session.declare_subscriber("agent_1/**", zenoh.handlers.RingChannel(1))
    ready.set()
    threading.Event().wait()
    del subscriber


@contextmanager
def connected() -> Iterator[Transport]:
    """Connect the transport of a unit to a router in another process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        endpoint = f"tcp/127.0.0.1:{probe.getsockname()[1]}"
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    router = spawn.Process(target=run_router, args=(endpoint, ready), daemon=True)
    router.start()
    assert ready.wait(30)
    link = Link(transport="zenoh-raw", endpoint=endpoint)
    transport = create(link)
    transport.open(link)
    try:
        yield transport
    finally:
        transport.close()
        router.kill()


def make_bag(folder: Path, rate: int, count: int) -> Path:
    """Write a bag of `count` messages, `rate` per second."""
    with BagWriter(folder) as writer:
        topic = writer.add_topic(Topic(TOPIC, "std_msgs/msg/String"))
        for number in range(count):
            writer.write(topic, number * 1_000_000_000 // rate, PAYLOAD)
    return folder


def simple_loop(publish: Publish, offsets: list[int], result: Result) -> int:
    """Sleep and publish; return the number of messages."""
    lateness = Lateness()
    result.lateness.append(lateness)
    record = lateness.record
    start = time.monotonic_ns()
    for offset in offsets:
        due = start + offset
        wait = due - time.monotonic_ns()
        if wait > 0:
            time.sleep(wait / 1e9)
        publish(PAYLOAD)
        record(time.monotonic_ns() - due)
    lateness.drain()
    return len(offsets)


def plain_loop(publish: Publish, count: int) -> int:
    """Publish as fast as possible; return the number of messages."""
    for _ in range(count):
        publish(PAYLOAD)
    return count


def player(publish: Publish, bag: Path, rate: float, result: Result) -> Callable[[], int]:
    """Prepare the agent's player; return a function that plays and returns the number of messages."""
    feed = Feed(bag, [TOPIC], rate=rate)
    feed.prepare()

    def run() -> int:
        control = PlaybackControl(time.monotonic_ns, lambda: None, threading.Event())
        thread = Player(feed, {TOPIC: [publish]}, Playback(rate, 1, 0), control, agents=1)
        thread.start()
        while thread.is_alive():
            thread.join(0.2)
            thread.drain()
        result.lateness.append(thread.lateness[0])
        return thread.published

    return run


def measure(run: Callable[[], int], result: Result) -> None:
    """Run once and record speed, CPU and lateness."""
    cpu, wall = time.process_time(), time.monotonic()
    count = run()
    wall = time.monotonic() - wall
    result.cpu.append(100 * (time.process_time() - cpu) / wall)
    result.per_second.append(count / wall)


def paced(publish: Publish, folder: Path, rate: int, seconds: float, rounds: int) -> None:
    """Print a line of the table for each contestant at a rate."""
    count = int(rate * seconds)
    offsets = [number * 1_000_000_000 // rate for number in range(count)]
    bag = make_bag(folder / f"bag{rate}", rate, count)
    loop, ours = Result(), Result()
    replay = player(publish, bag, 1.0, ours)
    for _ in range(rounds):
        measure(lambda: simple_loop(publish, offsets, loop), loop)
        with low_latency():
            measure(replay, ours)
    for name, result in (("simplest loop", loop), ("player", ours)):
        p50, p99 = result.percentile(50), result.percentile(99)
        cpu = statistics.mean(result.cpu)
        print(f"{rate:>9} {name:<14} {p50:9.1f} {p99:9.1f} {result.worst:10.1f} {cpu:7.1f}")
    print(f"{'':>9} p99 ratio {ours.percentile(99) / loop.percentile(99):.2f}")


def unpaced(publish: Publish, folder: Path, messages: int, rounds: int) -> None:
    """Print the maximum throughput, compared with plain publishing."""
    bag = make_bag(folder / "unpaced", 1000, messages)
    loop, ours = Result(), Result()
    replay = player(publish, bag, 0, ours)
    for _ in range(rounds * 5):
        measure(lambda: plain_loop(publish, messages), loop)
        with low_latency():
            measure(replay, ours)
    for name, result in (("bare put", loop), ("player", ours)):
        print(f"{'unpaced':>9} {name:<14} {statistics.median(result.per_second):12,.0f} messages/s")
    share = statistics.median(ours.per_second) / statistics.median(loop.per_second)
    print(f"{'':>9} share {share:.0%}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", type=int, default=40_000, help="of a round without pace")
    options = _options.parse(parser, seconds=0.2, rounds=1, messages=2000)
    with connected() as transport, tempfile.TemporaryDirectory() as folder:
        publish = transport.publisher("/agent_1", TOPIC)
        time.sleep(1)
        print(f"{'msgs/s':>9} {'':<14} {'p50 µs':>9} {'p99 µs':>9} {'max µs':>10} {'CPU %':>7}")
        for rate in RATES:
            paced(publish, Path(folder), rate, options.seconds, options.rounds)
        unpaced(publish, Path(folder), options.messages, options.rounds)


if __name__ == "__main__":
    main()
