"""The ledger of what may not have left, from what a transport knows of its link."""

from itertools import pairwise

from agent.delivery import Delivery, LinkOutage
from agent.protocol import MAX_OUTAGES
from agent.transports.base import LinkCheck


class Ledger(Delivery):
    """A ledger of an agent that publishes one message with each tick; checks are made at a tick."""

    def __init__(self) -> None:
        super().__init__(0)

    def undelivered(self, published: int) -> int:
        return sum(outage.messages for outage in self.outages_by(published))

    def check(self, now: int, *, connected: bool = True, good_from: int = 0, until: int) -> None:
        self.mark(now, now)
        self.note(LinkCheck(connected, good_from, until), now, now)


def test_nothing_is_counted_while_the_link_is_good():
    ledger = Ledger()
    for now in range(1, 100):
        ledger.check(now, until=now - 1)
    assert (ledger.outages, ledger.undelivered(100)) == ((), 0)


def test_all_since_the_link_was_last_known_to_be_good_may_be_lost():
    ledger = Ledger()
    ledger.check(10, until=8)
    ledger.check(11, connected=False, until=8)
    assert ledger.broken
    # Of what was published between two checks it is not known when.
    assert ledger.undelivered(15) == 15
    ledger.check(20, connected=False, until=8)
    ledger.check(30, good_from=30, until=30)
    assert ledger.outages == (LinkOutage(8, 30, 30),)
    ledger.check(40, good_from=30, until=38)
    assert ledger.undelivered(41) == 30


def test_marks_bound_what_is_lost():
    ledger = Ledger()
    for now in (2, 4, 6, 8):
        ledger.check(now, until=now - 2)
    ledger.check(9, good_from=9, until=9)
    assert ledger.outages == (LinkOutage(6, 9, 3),)


def test_silence_that_ends_with_everything_taken_loses_nothing():
    ledger = Ledger()
    ledger.check(10, until=8)
    ledger.check(20, connected=False, until=8)
    ledger.check(30, until=28)
    assert ledger.outages == (LinkOutage(8, 30, 0),)
    assert ledger.undelivered(30) == 0


def test_an_interruption_between_two_checks_is_an_outage():
    ledger = Ledger()
    ledger.check(10, until=10)
    ledger.check(20, good_from=15, until=15)
    assert ledger.outages == (LinkOutage(10, 15, 10),)
    assert not ledger.broken


def test_what_is_unknown_at_the_end_counts_as_lost():
    ledger = Ledger()
    ledger.check(10, until=10)
    assert not ledger.is_confirmed(12)
    ledger.close(12)
    assert ledger.outages == (LinkOutage(10, None, 2),)
    assert ledger.undelivered(12) == 2


def test_what_is_known_at_the_end_is_not_lost():
    ledger = Ledger()
    ledger.check(10, until=10)
    assert ledger.is_confirmed(9)
    ledger.close(10)
    assert ledger.outages == ()


def test_what_was_published_since_the_last_mark_is_not_confirmed_by_a_later_time():
    ledger = Ledger()
    ledger.check(10, until=10)
    ledger.check(20, until=15)
    assert not ledger.is_confirmed(12)


def test_a_link_that_keeps_breaking_fills_no_report():
    ledger = Ledger()
    for before, now in pairwise(range(0, 40 * MAX_OUTAGES, 10)):
        ledger.check(now - 5, connected=False, until=before)
        ledger.check(now, good_from=now, until=now)
    assert len(ledger.outages) == MAX_OUTAGES
    assert ledger.undelivered(now) == sum(outage.messages for outage in ledger.outages) == now
    assert ledger.outages[-1].ended_ns == now
