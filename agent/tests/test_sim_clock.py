"""One unit of a stage tells the simulated time on /clock, and stamps follow it."""

import threading
import time
from pathlib import Path

from agent.session import Session
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
    thread.join(10)
    assert not thread.is_alive()
    times = times_of(published)
    assert times[0] >= FIRST
    assert times == sorted(set(times))
    assert times[-1] - times[0] >= (len(times) - 1) * SECOND // 200 - SECOND // 200


def test_a_failing_network_ends_the_clock_only() -> None:
    def broken(_: bytes) -> None:
        raise OSError("no network")

    thread = ClockPublisher(broken, SimulatedTime(FIRST, 1.0), 100.0, lambda: True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()


def test_only_one_unit_publishes_the_clock(tmp_path) -> None:
    received: list[bytes] = []
    router = Router()
    router.session.declare_subscriber("clock", lambda s: received.append(s.payload.to_bytes()))
    play_once(tmp_path / "other", router.endpoint, publishes_clock=False)
    assert received == []
    play_once(tmp_path / "first", router.endpoint, publishes_clock=True)
    until(lambda: len(received) >= 10)
    router.session.close()
    times = times_of(received)
    assert times == sorted(set(times))
    assert times[0] >= FIRST


def play_once(folder: Path, endpoint: str, *, publishes_clock: bool) -> None:
    """Play through a session, without a unit."""
    folder.mkdir()
    fake = FakeServer(imu_bag(folder / "bag"))
    fake.assignment = imu_plan(record=[], clock_hz=50.0, publishes_clock=publishes_clock)
    fake.assignment["link"] = {"transport": "zenoh-raw", "endpoint": endpoint}
    session = Session(fake.register(None), folder)
    session.prepare(folder / "bag")
    player = session.player(time.monotonic_ns, threading.Event())
    player.start()
    player.join(20)
    session.close()
    assert player.finished
