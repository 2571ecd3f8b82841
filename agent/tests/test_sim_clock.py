"""One unit of a stage tells the simulated time on /clock, and stamps follow it."""

import threading
import time

import pytest

from agent.sim_clock import CLOCK, ClockPublisher, SimulatedTime
from agent.tests.conftest import until
from agent.tests.server import FakeServer
from agent.tests.test_changed_messages import FIRST, SECOND, imu_bag, imu_plan, nanoseconds
from agent.tests.zenoh.test_raw import Router
from rosbag2.tests.messages import STORE


def times_of(published: list[bytes]) -> list[int]:
    return [nanoseconds(STORE.deserialize_cdr(data, CLOCK.type).clock) for data in published]


def test_the_hash_is_that_of_the_type() -> None:
    assert CLOCK.type_hash == STORE.hash_rihs01(CLOCK.type)


def test_time_passes_at_the_rate_from_the_release() -> None:
    simulated = SimulatedTime(FIRST, 4.0)
    simulated.release_ns = time.monotonic_ns() + 3600 * SECOND
    assert simulated.now() == FIRST
    before = time.monotonic_ns()
    simulated.release_ns = before - SECOND
    now = simulated.now()
    assert FIRST + 4 * SECOND <= now <= FIRST + 4 * (time.monotonic_ns() - before + SECOND)


def test_the_clock_goes_on_until_nothing_is_played_any_more() -> None:
    published: list[bytes] = []
    playing = threading.Event()
    playing.set()
    simulated = SimulatedTime(FIRST, 1.0)
    simulated.release_ns = time.monotonic_ns()
    thread = ClockPublisher(published.append, simulated, 200.0, playing.is_set)
    thread.start()
    until(lambda: len(published) >= 20)
    playing.clear()
    thread.join(60)
    assert not thread.is_alive()
    times = times_of(published)
    assert times[0] >= FIRST
    assert times == sorted(set(times))
    # The first may be late by any time, of which less than a period is not left out; and so may its due time.
    assert times[-1] - times[0] >= (len(times) - 3) * SECOND // 200


def test_a_failing_network_ends_the_clock_only() -> None:
    def broken(_: bytes) -> None:
        raise OSError("no network")

    thread = ClockPublisher(broken, SimulatedTime(FIRST, 1.0), 100.0, lambda: True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()


@pytest.mark.parametrize("publishes", [True, False])
def test_only_the_unit_that_shall_publishes_the_clock(tmp_path, serve, start, publishes) -> None:
    received: list[bytes] = []
    router = Router()
    router.session.declare_subscriber("clock", lambda s: received.append(s.payload.to_bytes()))
    plan = imu_plan(record=[], passes=4, clock_hz=50.0, publishes_clock=publishes)
    plan["link"] = {"transport": "zenoh-raw", "endpoint": router.endpoint}
    assert start(serve(FakeServer(imu_bag(tmp_path / "bag"), plan))).wait() == 0
    router.session.close()
    times = times_of(received)
    assert times == sorted(set(times))
    assert (len(times) >= 10) is publishes
    assert all(told >= FIRST for told in times)
