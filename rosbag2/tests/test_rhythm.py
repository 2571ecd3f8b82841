"""Periods, jitter and gaps of topics, streamed, against the same figures counted at leisure."""

import math
import random
import statistics
from itertools import pairwise
from pathlib import Path

import pytest

from rosbag2.checks.index import index_bag
from rosbag2.checks.statistics import MAX_GAPS, Rhythm
from rosbag2.reading import sqlite
from rosbag2.tests.bundles import CDR, START, bag, database, metadata, rows
from rosbag2.tests.corpus import Mcap, mcap_bag


def _rhythm(folder: Path, times: list[int]) -> Rhythm:
    bag(folder, [(1, time, CDR) for time in times])
    return index_bag(folder).rhythms[0]


@pytest.mark.parametrize("batch", [50_000, 7])
def test_period_and_jitter(tmp_path: Path, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_ROWS_AT_ONCE", batch)
    rolled = random.Random(1)  # noqa: S311
    times = [START + n * 10**8 + rolled.randrange(10**7) for n in range(1000)]
    rhythm = _rhythm(tmp_path, times)
    periods = [b - a for a, b in pairwise(times)]
    assert rhythm.period_ns == pytest.approx(statistics.median(periods), rel=0.04)
    assert rhythm.jitter_ns == pytest.approx(statistics.pstdev(periods), rel=0.001)
    assert (rhythm.gap_count, rhythm.gaps) == (0, ())


def test_gaps_are_named_and_leave_the_jitter_alone(tmp_path: Path) -> None:
    times = [START + n * 10**8 for n in range(100)]
    late = [time + 5 * 10**9 * (n >= 40) + 10**9 * (n >= 70) for n, time in enumerate(times)]
    rhythm = _rhythm(tmp_path, late)
    assert rhythm.gap_count == 2
    assert [(gap.start_ns, gap.end_ns) for gap in rhythm.gaps] == [
        (late[39], late[40]),
        (late[69], late[70]),
    ]
    assert rhythm.jitter_ns == pytest.approx(0.0, abs=100.0)


def test_very_many_gaps_are_counted(tmp_path: Path) -> None:
    times, now = [], START
    for n in range(2000):
        now += 10**9 if n % 5 == 4 else 10**7
        times.append(now)
    rhythm = _rhythm(tmp_path, times)
    assert len(rhythm.gaps) == MAX_GAPS
    assert rhythm.gap_count == 400


def test_over_several_files(tmp_path: Path) -> None:
    database(tmp_path / "bag_0.db3", [(1, START + n * 10**8, CDR) for n in range(50)])
    database(tmp_path / "bag_1.db3", [(1, START + n * 10**8, CDR) for n in range(70, 120)])
    metadata(tmp_path, files=["bag_1.db3", "bag_0.db3"])
    (rhythm, _) = index_bag(tmp_path).rhythms
    (gap,) = rhythm.gaps
    assert (gap.start_ns, gap.end_ns) == (START + 49 * 10**8, START + 70 * 10**8)


def test_mcap_and_sqlite_say_the_same(tmp_path: Path) -> None:
    messages = rows(5000)
    one = index_bag(bag(tmp_path / "sqlite", messages))
    mcap_bag(tmp_path / "mcap", Mcap([messages[:2000], messages[2000:]], "zstd").data())
    other = index_bag(tmp_path / "mcap")
    assert one.rhythms == other.rhythms
    assert [topic.histogram for topic in one.topics] == [topic.histogram for topic in other.topics]


def test_few_messages_have_no_rhythm(tmp_path: Path) -> None:
    assert _rhythm(tmp_path, [START, START + 5]) == Rhythm()


def test_a_wrong_clock_gives_finite_numbers(tmp_path: Path) -> None:
    rhythm = _rhythm(tmp_path, [-(2**63), -(2**62), 0, 2**62, 2**63 - 1])
    assert math.isfinite(rhythm.jitter_ns)
    assert rhythm.period_ns > 0
