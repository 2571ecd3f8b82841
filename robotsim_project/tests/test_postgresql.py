"""Connections fail fast while PostgreSQL is unreachable, and only one caller at a time tries."""

import threading

import psycopg
import pytest

from robotsim_project.postgresql.base import Outage


def test_one_caller_tries_while_the_server_is_unreachable() -> None:
    outage = Outage()
    with pytest.raises(psycopg.OperationalError, match="refused"), outage.single_attempt():
        raise psycopg.OperationalError("refused")
    asking, done = threading.Event(), threading.Event()

    def first() -> None:
        with outage.single_attempt():
            asking.set()
            done.wait(30)

    thread = threading.Thread(target=first, daemon=True)
    thread.start()
    assert asking.wait(30)
    with pytest.raises(psycopg.OperationalError, match="a moment ago"), outage.single_attempt():
        raise AssertionError("the attempt was not refused")
    done.set()
    thread.join(30)
    with outage.single_attempt():
        assert not outage.unreachable


def test_all_callers_try_while_the_server_is_reachable() -> None:
    outage = Outage()
    with outage.single_attempt(), outage.single_attempt():
        assert not outage.unreachable


def test_other_errors_are_no_outage() -> None:
    outage = Outage()
    with pytest.raises(ValueError, match="x"), outage.single_attempt():
        raise ValueError("x")
    assert not outage.unreachable
