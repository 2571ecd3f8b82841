"""Deadlines of units count only time in which heartbeats could be received."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import urllib3
from django.db import OperationalError
from django.db import connection as database
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from simulations.backends.base import UnitState, UnitStatus
from simulations.live import connection, silence
from simulations.models import AgentRun, Execution, StageRun
from simulations.services.runs import hearing, lifecycle, reconcile, tokens
from simulations.tests.conftest import Design, heard_for
from simulations.tests.fake_backend import FakeBackend

pytestmark = pytest.mark.django_db
LONG_AGO = timedelta(days=1)


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """An echo is not late, however slow the machine is."""
    monkeypatch.setattr(silence, "GAP_SECONDS", 60.0)
    monkeypatch.setattr(hearing, "ECHO_TIMEOUT", urllib3.Timeout(total=60.0))


def send_echo() -> int:
    client = Client(headers={"Authorization": f"Unit {tokens.token_for(0)}"})
    return client.post(reverse("unit-echo"), b"{}", content_type="application/json").status_code


@pytest.mark.usefixtures("unhurried")
def test_echoes_keep_alive_since_when_units_are_heard() -> None:
    assert silence.heard_since() is None
    assert send_echo() == 200
    first = silence.heard_since()
    connection._client().persist(silence.KEY)
    assert send_echo() == 200
    assert silence.heard_since() == first
    assert 0 < connection._client().pttl(silence.KEY) <= silence.GAP_SECONDS * 1000
    connection._client().delete(silence.KEY)  # as when it expires
    assert send_echo() == 200
    assert silence.heard_since() != first


@pytest.mark.usefixtures("unhurried")
def test_an_echo_counts_from_when_redis_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not from when it was sent: whoever was frozen in between sends or takes it long after."""
    now = timezone.now()
    with monkeypatch.context() as long_ago:
        long_ago.setattr(timezone, "now", lambda: now - LONG_AGO)
        silence.record_echo()
    assert (silence.heard_since() or 0) > (now - LONG_AGO / 2).timestamp()


def test_no_echo_comes_through_without_the_database() -> None:
    def away(*_: Any) -> None:
        raise OperationalError("away")

    with database.execute_wrapper(away):
        assert send_echo() == 503
    assert silence.heard_since() is None


def test_no_echo_comes_through_without_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Any:
        raise connection.RedisError("away")

    monkeypatch.setattr(connection, "_connector", connection._Connector())
    monkeypatch.setattr(connection, "_client", away)
    assert send_echo() == 503
    assert hearing.hearing().seconds_since(0.0) == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("unhurried")
def test_the_controller_learns_whether_its_echo_came_back(live_server: Any, settings: Any) -> None:
    settings.SERVER_URL = live_server.url
    assert hearing.send_echo() == ""
    assert silence.heard_since()
    settings.SERVER_URL = "http://127.0.0.1:1"
    assert hearing.send_echo()


@pytest.fixture
def running(design: Design, fake: FakeBackend) -> Execution:
    """An execution whose unit lives and plays, and has reported for the last time long ago."""
    execution = lifecycle.start(design(1, execution_time=10.0))
    Execution.objects.update(status="RUNNING")
    begun = timezone.now() - LONG_AGO
    StageRun.objects.update(status="RUNNING", handle="there", prepared_at=begun, release_at=begun)
    AgentRun.objects.create(
        stage_run=execution.stage_runs.get(), number=1, unit=0, status="RUNNING"
    )
    AgentRun.objects.update(created_at=begun)
    fake.seen = [UnitStatus(0, UnitState.ALIVE, 1)]
    return Execution.objects.get()


def is_silent(execution: Execution, settings: Any) -> float:
    """A unit that is silent: killed as hung."""
    AgentRun.objects.update(status="UPLOADING")
    return float(settings.HUNG_AFTER_SECONDS + silence.GAP_SECONDS)


def plays_too_long(execution: Execution, settings: Any) -> float:
    """A unit that plays longer than its stage may last."""
    settings.HUNG_AFTER_SECONDS = LONG_AGO.total_seconds()
    return 30.0


def ignores_the_stop(execution: Execution, settings: Any) -> float:
    """A unit that has not ended after a stop."""
    settings.HUNG_AFTER_SECONDS = LONG_AGO.total_seconds()
    lifecycle.stop(execution)
    Execution.objects.update(stop_asked_at=timezone.now() - LONG_AGO)
    return float(settings.UPLOAD_LIMIT_SECONDS) + 60


@pytest.mark.parametrize("case", [is_silent, plays_too_long, ignores_the_stop])
def test_a_unit_has_its_whole_time_from_when_it_can_be_heard(
    running: Execution,
    fake: FakeBackend,
    settings: Any,
    case: Callable[[Execution, Any], float],
) -> None:
    limit = case(running, settings)
    reconcile.reconcile()
    assert not fake.killed  # nobody hears it
    heard_for(limit / 2)
    reconcile.reconcile()
    assert not fake.killed
    heard_for(limit + 1)
    reconcile.reconcile()
    assert fake.killed == [0]


def test_a_unit_that_uploads_after_a_stop_ends_by_itself(
    running: Execution, fake: FakeBackend, settings: Any
) -> None:
    limit = ignores_the_stop(running, settings)
    AgentRun.objects.update(status="UPLOADING")
    heard_for(limit + 1)
    reconcile.reconcile()
    assert not fake.killed


def test_stragglers_have_their_whole_time_from_when_they_can_be_heard(
    design: Design, fake: FakeBackend, settings: Any
) -> None:
    execution = lifecycle.start(design(2))
    Execution.objects.update(status="PREPARING")
    StageRun.objects.update(
        status="PREPARING", handle="there", prepared_at=timezone.now() - LONG_AGO
    )
    stage_run = execution.stage_runs.get()
    for number, status in enumerate(("READY", "STARTING"), start=1):
        AgentRun.objects.create(stage_run=stage_run, number=number, unit=0, status=status)
    fake.seen = [UnitStatus(0, UnitState.ALIVE, 1)]
    settings.HUNG_AFTER_SECONDS = LONG_AGO.total_seconds()
    heard_for(settings.STRAGGLER_LIMIT_SECONDS / 2)
    reconcile.reconcile()
    assert execution.stage_runs.get().release_at is None
    heard_for(settings.STRAGGLER_LIMIT_SECONDS + 1)
    reconcile.reconcile()
    assert execution.stage_runs.get().release_at is not None
