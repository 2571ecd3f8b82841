"""Who asks for a connection while PostgreSQL is away is told soon, and only one at a time tries."""

import threading

import psycopg
import pytest

from robotsim_project.postgresql.base import Outage


def test_one_asks_while_it_is_away() -> None:
    outage = Outage()
    with pytest.raises(psycopg.OperationalError, match="refused"), outage.one_asks():
        raise psycopg.OperationalError("refused")
    asking, done = threading.Event(), threading.Event()

    def first() -> None:
        with outage.one_asks():
            asking.set()
            done.wait(30)

    thread = threading.Thread(target=first, daemon=True)
    thread.start()
    assert asking.wait(30)
    with pytest.raises(psycopg.OperationalError, match="a moment ago"), outage.one_asks():
        raise AssertionError("it was to be refused")
    done.set()
    thread.join(30)
    with outage.one_asks():
        assert not outage.away


def test_all_ask_while_it_is_there() -> None:
    outage = Outage()
    with outage.one_asks(), outage.one_asks():
        assert not outage.away


def test_other_errors_are_no_outage() -> None:
    outage = Outage()
    with pytest.raises(ValueError, match="x"), outage.one_asks():
        raise ValueError("x")
    assert not outage.away
