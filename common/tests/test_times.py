"""Times, durations, numbers and sizes of the console, in the zone and the language of the person."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone, translation

from common.admin import numbers, times

EARLY = datetime(2026, 10, 25, 0, 30, 12, tzinfo=UTC)
LATE = EARLY + timedelta(hours=1)


@pytest.fixture
def berlin() -> Iterator[None]:
    with timezone.override("Europe/Berlin"):
        yield


def test_the_hour_that_comes_twice_can_be_told_apart(berlin: None) -> None:
    assert times.exact(EARLY) == "2026-10-25 02:30:12 UTC+02:00 (Europe/Berlin)"
    assert times.exact(LATE) == "2026-10-25 02:30:12 UTC+01:00 (Europe/Berlin)"
    assert times.date(EARLY) == "2026-10-25 02:30 UTC+02:00"
    assert times.date(LATE) == "2026-10-25 02:30 UTC+01:00"
    assert times.date(LATE + timedelta(hours=1)) == "2026-10-25 03:30"


def test_the_exact_time_is_the_title_of_the_relative_one(berlin: None) -> None:
    html = times.moment(EARLY)
    assert 'datetime="2026-10-25T02:30:12+02:00"' in html
    assert f'title="{times.exact(EARLY)}"' in html
    assert times.moment(None) == "-"


@pytest.mark.parametrize(
    ("ago", "english", "korean"),
    [
        (timedelta(seconds=20), "20 seconds ago", "20초 전"),
        (timedelta(seconds=60), "1 minute ago", "1분 전"),
        (timedelta(hours=5, minutes=59), "5 hours ago", "5시간 전"),
        (timedelta(days=2), "2 days ago", "2일 전"),
        (timedelta(hours=-3, seconds=-30), "in 3 hours", "3시간 후"),
    ],
)
def test_relative_times(
    ago: timedelta, english: str, korean: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    monkeypatch.setattr(times.timezone, "now", lambda: now)
    when = now - ago
    with translation.override("en"):
        assert times.relative(when) == english
    with translation.override("ko"):
        assert times.relative(when) == korean


@pytest.mark.parametrize(
    ("seconds", "english", "korean"),
    [
        (0, "0.0 s", "0.0초"),
        (0.0423, "42 ms", "42 ms"),
        (2.5, "2.5 s", "2.5초"),
        (59.7, "1 min 0 s", "1분 0초"),
        (200, "3 min 20 s", "3분 20초"),
        (90_061, "25 h 1 min", "25시간 1분"),
        (200_000, "2 d 7 h", "2일 7시간"),
    ],
)
def test_durations(seconds: float, english: str, korean: str) -> None:
    with translation.override("en"):
        assert times.span(seconds) == english
    with translation.override("ko"):
        assert times.span(seconds) == korean


def test_numbers_and_sizes() -> None:
    for language in ("en", "ko"):
        with translation.override(language):
            assert numbers.number(1234567.4) == "1,234,567"
            assert numbers.size(453_120) == "442.5 KiB"
            assert numbers.size(1024**2 - 1) == "1.0 MiB"
            assert numbers.size(5 * 1024**4) == "5.0 TiB"
            assert numbers.size(None) == numbers.number(None) == "-"
