"""The player compared with the simplest loop (sleep until due, publish), over a transport, in the same run.

    python -m benchmarks.replay_player --transport zenoh-raw --agents 1 10 50

The other end is a process of its own on loopback; everything else is in this process. The contestants take
turns, so that noise of the machine meets both alike.

* Pace: so many agents play the sample bag, by one player, and by a loop (a thread) for each agent. Lateness
  is taken after a message is handed over; p50 and p99 in µs are the medians of the rounds. CPU is this
  process, all threads, in percent of one core.
* Throughput: messages a second of one agent, published without pace by a plain loop and by the player, and
  the highest paced rate at which the player's p99 is under 5 ms.
* Images: four agents publish 1 MB images at 30 Hz; published and received.
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent.feed import Feed, Timing
from agent.lateness import LATE_NS, Lateness
from agent.low_latency import low_latency
from agent.replay import Playback, PlaybackControl, Player
from agent.transports.base import Publish
from benchmarks import _options
from benchmarks._replay_peers import TRANSPORTS, Ends, connected
from rosbag2.formats.metadata import Topic
from rosbag2.reading.reader import BagReader
from rosbag2.writing.sample import make_sample
from rosbag2.writing.sqlite_writer import BagWriter

SAMPLE = {
    "/odom": "nav_msgs/msg/Odometry",
    "/imu": "sensor_msgs/msg/Imu",
    "/scan": "sensor_msgs/msg/LaserScan",
}
CHATTER = {"/chatter": "std_msgs/msg/String"}
CAMERA = {"/image": "sensor_msgs/msg/Image"}
PAYLOAD = b"\0\1\0\0" + (188).to_bytes(4, "little") + bytes(188)
RECORDED_HERTZ = 1000
SHARES = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
IMAGE_BYTES, IMAGE_HERTZ, IMAGE_AGENTS = 2**20, 30, 4
LEAD_NS = 200_000_000
Publishers = dict[str, list[Publish]]
Message = tuple[int, str, bytes]


@dataclass
class Result:
    """Results of one contestant over all rounds."""

    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    worst: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, agents: Sequence[Lateness], cpu: float) -> None:
        """Add a round; percentiles of the agent that has the worst ones."""
        for percent, values in ((50, self.p50), (99, self.p99), (100, self.worst)):
            values.append(max(lateness.percentile_us(percent) or 0 for lateness in agents))
        self.cpu.append(cpu)

    def row(self) -> str:
        """Median percentiles, the maximum, and the median CPU."""
        p50, p99, cpu = map(statistics.median, (self.p50, self.p99, self.cpu))
        return f"{p50:9.0f} {p99:9.0f} {max(self.worst):9.0f} {cpu:8.1f}"


def share(ours: list[float], theirs: list[float]) -> float:
    """Ratio of two medians."""
    return statistics.median(ours) / max(statistics.median(theirs), 1e-9)


def measured_cpu(run: Callable[[], object]) -> float:
    """Run, and return the CPU of this process in percent of one core."""
    cpu, wall = time.process_time(), time.monotonic()
    run()
    return 100 * (time.process_time() - cpu) / (time.monotonic() - wall)


def simplest_loop(
    messages: list[Message], publishers: dict[str, Publish], start: int, lateness: Lateness
) -> None:
    """Sleep until due, publish."""
    for offset, topic, data in messages:
        due = start + offset
        wait = due - time.monotonic_ns()
        if wait > 0:
            time.sleep(wait / 1e9)
        publishers[topic](data)
        lateness.record(time.monotonic_ns() - due)


def loops(messages: list[Message], publishers: Publishers, agents: int, result: Result) -> None:
    """Run the simplest loop of each agent, in a thread of its own."""
    start = time.monotonic_ns() + LEAD_NS
    lateness = [Lateness() for _ in range(agents)]
    threads = [
        threading.Thread(
            target=simplest_loop,
            args=(messages, {t: of[n] for t, of in publishers.items()}, start, lateness[n]),
        )
        for n in range(agents)
    ]

    def run() -> None:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    cpu = measured_cpu(run)
    for one in lateness:
        one.drain()
    result.add(lateness, cpu)


def play(
    bag: Path, publishers: Publishers, agents: int, playback: Playback
) -> tuple[Player, float]:
    """Play a bag by the player of a unit; return it and its CPU."""
    feed = Feed(bag, list(publishers), Timing(playback.rate))
    feed.prepare()
    start = time.monotonic_ns() + LEAD_NS
    control = PlaybackControl(lambda: start, lambda: None, threading.Event())
    player = Player(feed, publishers, playback, control, agents=agents)

    def run() -> None:
        player.start()
        while player.is_alive():
            player.join(0.5)
            player.drain()

    with low_latency():
        cpu = measured_cpu(run)
    feed.close()
    assert player.finished, player.error
    return player, cpu


def pace(ends: Ends, bag: Path, agents: int, rounds: int) -> None:
    """Print lateness and CPU of both contestants for so many agents."""
    publishers = ends.publishers(agents)
    time.sleep(1)
    with BagReader(bag) as reader:
        recorded = [message for batch in reader.batches(list(publishers)) for message in batch]
    messages = [(stamp - recorded[0][0], topic, data) for stamp, topic, data in recorded]
    ours, theirs = Result(), Result()
    for _ in range(rounds):
        loops(messages, publishers, agents, theirs)
        player, cpu = play(bag, publishers, agents, Playback(1.0, 1, 0))
        ours.add(player.lateness, cpu)
    print(f"{agents:>6} {'simplest loops':<16} {theirs.row()}")
    print(f"{agents:>6} {'player':<16} {ours.row()}")
    print(
        f"{agents:>6} {'ratio':<16} {'':9} {share(ours.p99, theirs.p99):9.2f} {'':9} "
        f"{share(ours.cpu, theirs.cpu):8.2f}"
    )


def chatter_bag(folder: Path, count: int) -> Path:
    """Write a bag of small messages, 1,000 a second."""
    with BagWriter(folder) as writer:
        topic = writer.add_topic(Topic(*next(iter(CHATTER.items()))))
        for number in range(count):
            writer.write(topic, number * 1_000_000_000 // RECORDED_HERTZ, PAYLOAD)
    return folder


def plain_rate(publish: Publish, count: int) -> float:
    """Publish as fast as possible; return messages a second."""
    start = time.monotonic()
    for _ in range(count):
        publish(PAYLOAD)
    return count / (time.monotonic() - start)


def throughput(ends: Ends, folder: Path, count: int, rounds: int) -> None:
    """Print the rates of the transport alone, of the player, and of the player in time."""
    publishers = ends.publishers(1)
    bag = chatter_bag(folder / "chatter", min(count, 20_000))
    passes = max(1, count // 20_000)
    time.sleep(1)
    plain, ours = [], []
    for _ in range(rounds):
        plain.append(plain_rate(publishers["/chatter"][0], count))
        player, _cpu = play(bag, publishers, 1, Playback(0, passes, 0))
        seconds = (player.last_ns - player.release_ns) / 1e9
        ours.append(player.published / seconds)
    bare = statistics.median(plain)
    print(f"\nmessages a second, one agent, {len(PAYLOAD)} bytes")
    print(f"publish alone {bare:12,.0f}")
    print(f"unpaced       {statistics.median(ours):12,.0f}  {share(ours, plain):.0%}")
    for part in SHARES:
        rate = bare * part / RECORDED_HERTZ
        player, _cpu = play(bag, publishers, 1, Playback(rate, passes, 0))
        p99 = player.lateness[0].percentile_us(99) or 0.0
        if p99 < LATE_NS / 1000:
            print(f"paced         {bare * part:12,.0f}  {part:.0%}  p99 {p99:.0f} µs")
            return
    print(f"paced         none of the rates down to {SHARES[-1]:.0%} is in time")


def images(ends: Ends, folder: Path, seconds: float) -> None:
    """Print how many images were published and received."""
    with BagWriter(folder / "images") as writer:
        topic = writer.add_topic(Topic(*next(iter(CAMERA.items()))))
        for number in range(IMAGE_HERTZ):
            stamp = number * 1_000_000_000 // IMAGE_HERTZ
            writer.write(topic, stamp, b"\0\1\0\0" + bytes(IMAGE_BYTES))
    publishers = ends.publishers(IMAGE_AGENTS)
    time.sleep(2)
    playback = Playback(1.0, max(1, round(seconds)), 0)
    player, cpu = play(folder / "images", publishers, IMAGE_AGENTS, playback)
    published = player.published * IMAGE_AGENTS
    late = sum(lateness.messages_late or 0 for lateness in player.lateness)
    print(
        f"\n1 MB images, {IMAGE_HERTZ} Hz, {IMAGE_AGENTS} agents: published {published}, "
        f"received {ends.await_all(published)}, more than 5 ms late {late}, CPU {cpu:.0f} %"
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transport", choices=TRANSPORTS, default="zenoh-raw")
    parser.add_argument("--agents", type=int, nargs="+", default=[1, 10, 50])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", type=int, default=200_000, help="of a round without pace")
    options = _options.parse(
        parser, transport="null", agents=[1, 2], seconds=0.5, rounds=1, messages=2000
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_sample(folder / "sample", seconds=options.seconds)
        print(f"{options.transport}: sample bag, 75 messages a second and agent")
        head = f"{'p50 µs':>9} {'p99 µs':>9} {'max µs':>9} {'CPU %':>8}"
        print(f"{'agents':>6} {'':<16} {head}")
        for agents in options.agents:
            with connected(options.transport, agents, SAMPLE) as ends:
                pace(ends, folder / "sample", agents, options.rounds)
        with connected(options.transport, 1, CHATTER) as ends:
            throughput(ends, folder, options.messages, options.rounds)
        with connected(options.transport, IMAGE_AGENTS, CAMERA, counts=True) as ends:
            images(ends, folder, options.seconds)


if __name__ == "__main__":
    main()
