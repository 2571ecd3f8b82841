"""Percentiles from buckets."""

import pytest

from agent.lateness import LATE_NS, Lateness, bucket_center, buckets


def test_without_publications_there_is_no_percentile():
    lateness = Lateness()
    lateness.drain()
    assert lateness.percentile_us(50) is None
    assert lateness.first is None


@pytest.mark.parametrize("percent", [1, 50, 99, 100])
def test_percentiles_are_within_a_bucket_of_the_truth(percent):
    values = [number * number * 37 for number in range(1, 2000)]
    lateness = Lateness()
    for value in values:
        lateness.record(value)
    lateness.drain()
    truth = sorted(values)[max(0, -(-len(values) * percent // 100) - 1)] / 1000
    assert lateness.percentile_us(percent) == pytest.approx(truth, rel=0.04)


def test_buckets_hold_their_middle():
    for value in range(1, 100_000, 7):
        (bucket,) = buckets([value])
        assert bucket_center(bucket) == pytest.approx(value, rel=0.01)
        assert buckets([int(bucket_center(bucket))]) == {bucket: 1}


def test_late_messages_are_counted():
    lateness = Lateness()
    assert lateness.messages_late is None
    for value in (100, LATE_NS, LATE_NS + 1, 3 * LATE_NS):
        lateness.record(value)
        lateness.drain()
    assert lateness.messages_late == 2


def test_draining_adds_up_and_keeps_the_first():
    lateness = Lateness()
    for value in (9_000, 1_000, 2_000):
        lateness.record(value)
        lateness.drain()
    assert lateness.first == 9_000
    assert lateness.percentile_us(100) == pytest.approx(9.0, rel=0.04)
    assert lateness.percentile_us(1) == pytest.approx(1.0, rel=0.04)


def test_a_little_early_counts_as_on_time():
    lateness = Lateness()
    lateness.record(-5)
    lateness.drain()
    assert lateness.percentile_us(50) == 0
