"""Statistics of hours: counted once, kept when rows are gone, and summed by the reader's days."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from simulations.models import AgentRun, Execution, HourStatistics, StageRun
from simulations.services.monitoring import history
from simulations.tests.conftest import Design, ended_execution
from storage.models import Rosbag

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 15, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)


def ended_at(simulation: Any, at: datetime, status: str = "COMPLETED") -> Execution:
    execution = ended_execution(simulation, status)
    Execution.objects.filter(pk=execution.pk).update(ended_at=at)
    return execution


def test_hours_are_recorded_since_the_last_one(design: Design, rosbag: Rosbag) -> None:
    Rosbag.objects.update(created_at=NOW - timedelta(hours=2))
    simulation = design()
    execution = ended_at(simulation, NOW - timedelta(hours=2), "FAILED")
    AgentRun.objects.create(
        stage_run=StageRun.objects.get(execution=execution), number=1, unit=0, ended_at=NOW
    )
    history.record()
    hours = {row.hour: row for row in HourStatistics.objects.all()}
    assert len(hours) == 24 * (history.DAYS + 1) + 1
    current = NOW.replace(minute=0)
    earlier = hours[current - timedelta(hours=2)]
    assert (earlier.executions, earlier.failed, earlier.stored_bytes) == (1, 1, rosbag.size)
    assert hours[current - timedelta(hours=3)].stored_bytes == 0
    assert (hours[current].executions, hours[current].agents) == (0, 1)


def test_recording_again_changes_only_the_current_hour(
    design: Design, rosbag: Rosbag, monkeypatch: Any
) -> None:
    Rosbag.objects.update(created_at=NOW - timedelta(hours=1))
    history.record()
    ended_at(design(), NOW, "STOPPED")
    history.record()
    Rosbag.objects.update(size=1)
    monkeypatch.setattr(timezone, "now", lambda: NOW + timedelta(hours=1))
    history.record()
    rows = list(HourStatistics.objects.order_by("-hour")[:2])
    assert [(row.stopped, row.stored_bytes) for row in rows] == [(0, 1), (1, rosbag.size)]


def test_days_of_the_reader(design: Design) -> None:
    simulation = design()
    ended_at(simulation, datetime(2026, 3, 1, 16, 0, tzinfo=UTC))
    ended_at(simulation, datetime(2026, 3, 2, 14, 59, tzinfo=UTC))
    history.record()
    by_zone = {
        zone: {day.date.isoformat(): day.executions for day in history.days(ZoneInfo(zone))}
        for zone in ("UTC", "Asia/Seoul")
    }
    assert by_zone["UTC"]["2026-03-01"] == by_zone["UTC"]["2026-03-02"] == 1
    assert by_zone["Asia/Seoul"]["2026-03-02"] == 2
    assert by_zone["Asia/Seoul"]["2026-03-03"] == 0
    assert [len(days) for days in by_zone.values()] == [history.DAYS, history.DAYS]


def test_executions_since_the_last_record_count(design: Design) -> None:
    simulation = design()
    ended_at(simulation, NOW - timedelta(minutes=5))
    assert history.days(UTC)[-1].executions == 1
    history.record()
    ended_at(simulation, NOW)
    today = history.days(UTC)[-1]
    assert (today.executions, today.stored_bytes is None) == (2, False)


def test_a_removed_execution_stays_counted(design: Design) -> None:
    ended_at(design(), NOW - timedelta(days=1))
    history.record()
    Execution.objects.all().delete()
    assert history.days(UTC)[-2].executions == 1


def test_the_future_of_a_wrong_clock_is_left_out(design: Design) -> None:
    ended_at(design(), NOW + timedelta(days=2))
    history.record()
    assert sum(day.executions for day in history.days(UTC)) == 0
