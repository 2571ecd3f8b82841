"""The server's clock from round trips."""

from agent.clock import ROUND_TRIPS, ServerClock

AHEAD = 3_600_000_000_000


def exchange(
    clock: ServerClock, sent: int, out: int, back: int, busy: int = 5_000, ahead: int = AHEAD
) -> None:
    """A round trip whose ways take `out` and `back` ns, with a server one hour ahead."""
    server_received = sent + out + ahead
    clock.add(sent, server_received, server_received + busy, sent + out + busy + back)


def test_even_ways_give_the_exact_offset():
    clock = ServerClock()
    assert not clock.synchronized
    exchange(clock, 1_000, 400_000, 400_000)
    assert clock.synchronized
    assert clock.to_server(7) == 7 + AHEAD
    assert clock.to_monotonic(AHEAD) == 0
    assert clock.uncertainty_us == 400


def test_the_shortest_round_trip_wins_and_bounds_the_error():
    clock = ServerClock()
    exchange(clock, 0, 90_000_000, 1_000)
    exchange(clock, 10, 300_000, 100_000)
    exchange(clock, 20, 1_000, 50_000_000)
    assert clock.uncertainty_us == 200
    assert abs(clock.to_server(0) - AHEAD) <= 200_000


def test_old_round_trips_are_forgotten():
    clock = ServerClock()
    exchange(clock, 0, 1, 1)
    for number in range(ROUND_TRIPS):
        exchange(clock, number, 500_000, 500_000)
    assert clock.uncertainty_us == 500


def test_round_trips_from_before_a_leap_of_the_clock_are_forgotten():
    clock = ServerClock()
    exchange(clock, 0, 1_000, 1_000)
    exchange(clock, 10, 500_000, 400_000, ahead=2 * AHEAD)
    assert clock.uncertainty_us == 450
    assert abs(clock.to_server(0) - 2 * AHEAD) <= 450_000
