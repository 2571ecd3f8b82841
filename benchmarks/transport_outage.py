"""Outages of a Zenoh router: messages told as undelivered, compared with what a listener received.

    python -m benchmarks.transport_outage [--seconds 1 6 30] [--rates 10 1000] [--parallel 3]

A unit plays a bag over `zenoh-raw` to a router in another process, through a proxy. After three seconds
the router is killed (and started again later), frozen by SIGSTOP, or cut off, by a proxy that forwards
nothing more. A listener that is connected to the router directly notes which messages arrive. `lost` is
published less received; `over` is told less lost, which must not be negative; a unit may complete only if
nothing is told.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import NamedTuple

from agent.tests.conftest import UnitProcess
from agent.tests.server import FakeServer, Running
from benchmarks._options import parse
from rosbag2.formats.metadata import Topic
from rosbag2.writing.sqlite_writer import BagWriter
from tests.support.zenoh import Listener, Router

OUTAGES = ("killed", "frozen", "cut off")
BEFORE_SECONDS = 3.0
AFTER_SECONDS = 15.0
"""Until the session of an endpoint that was cut off is open again."""
LIMIT_SECONDS = 120.0
HEADER = b"\0\1\0\0"
PAYLOAD = bytes(188)


class Case(NamedTuple):
    """A fault of the router, its length (s), and the rate of messages (1/s)."""

    outage: str
    seconds: float
    rate: int


class Result(NamedTuple):
    """Counts of messages of one case, and the end of the agent."""

    published: int
    told: int
    received: int
    ranges: int
    state: str
    code: str

    @property
    def lost(self) -> int:
        """Messages that did not arrive."""
        return self.published - self.received

    @property
    def truthful(self) -> bool:
        """Nothing is missing that was not told, and nothing told ends green."""
        return self.told >= self.lost and (self.state == "COMPLETED") == (self.told == 0)


def make_bag(folder: Path, case: Case, after: float) -> Path:
    """Write a bag of numbered messages that lasts until some time after the outage."""
    count = int(case.rate * (BEFORE_SECONDS + case.seconds + after))
    with BagWriter(folder) as writer:
        topic = writer.add_topic(Topic("/odom", "std_msgs/msg/String"))
        for number in range(count):
            data = HEADER + number.to_bytes(8, "little") + PAYLOAD
            writer.write(topic, number * 1_000_000_000 // case.rate, data)
    return folder


def wait_for(condition: Callable[[], object]) -> None:
    """Wait for a condition, and give up in time."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the unit does not go on"
        time.sleep(0.01)


def run(case: Case, after: float) -> Result:
    """Run one case, with a router of its own."""
    router = Router()
    listener = Listener(router, "agent_7/odom")
    with tempfile.TemporaryDirectory() as folder:
        bag = make_bag(Path(folder) / "bag", case, after)
        link = {"transport": "zenoh-raw", "endpoint": router.endpoint}
        fake = FakeServer(bag, {"link": link, "topics": ["/odom"]})
        server = Running(fake)
        unit = UnitProcess(server.url, Path(folder) / "unit")
        wait_for(lambda: fake.snapshots and fake.last.agents[0].published)
        time.sleep(BEFORE_SECONDS)
        router.interrupt(case.outage)
        time.sleep(case.seconds)
        router.resume(case.outage)
        unit.wait(LIMIT_SECONDS)
        time.sleep(1)
        server.stop()
    listener.close()
    router.close()
    last = fake.last
    code = last.failure.code if last.failure else ""
    agent = last.agents[0]
    return Result(
        published=agent.published,
        told=last.undelivered,
        received=len(listener.received),
        ranges=len(last.outages),
        state=agent.state.value,
        code=code,
    )


def measure(cases: Sequence[Case], after: float, parallel: int) -> Iterable[tuple[Case, Result]]:
    """Run all cases, some of them at a time; results are in order."""
    with ThreadPoolExecutor(parallel) as pool:
        yield from zip(cases, pool.map(lambda case: run(case, after), cases), strict=True)


def main() -> None:
    """Print the table; fail if a result is not truthful."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, nargs="+", default=[1, 6, 30])
    parser.add_argument("--rates", type=int, nargs="+", default=[10, 1000])
    parser.add_argument("--outages", nargs="+", default=OUTAGES, choices=OUTAGES)
    parser.add_argument("--after", type=float, default=AFTER_SECONDS)
    parser.add_argument("--parallel", type=int, default=3)
    options = parse(parser, seconds=[1], rates=[10], outages=["killed"], after=5)
    cases = [Case(*values) for values in product(options.outages, options.seconds, options.rates)]
    print("router   seconds  msgs/s  published   received     lost     told     over  ranges  end")
    truthful = True
    for case, result in measure(cases, options.after, options.parallel):
        truthful &= result.truthful
        print(
            f"{case.outage:<8} {case.seconds:>7g} {case.rate:>7} {result.published:>10}"
            f" {result.received:>10} {result.lost:>8} {result.told:>8}"
            f" {result.told - result.lost:>8} {result.ranges:>7}  {result.state} {result.code}"
            f"{'' if result.truthful else '  NOT TRUE'}",
            flush=True,
        )
    sys.exit(0 if truthful else 1)


if __name__ == "__main__":
    main()
