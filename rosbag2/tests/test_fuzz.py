"""Damaged bags whose messages are known: no crash, and nothing is told that is not so.

A longer run: `python -m rosbag2.tests.fuzz --cases 6000 --seed 1`.
"""

import pytest

from rosbag2.tests.fuzz.bags import KINDS
from rosbag2.tests.fuzz.run import run


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_bags_are_told_truly(kind: str) -> None:
    assert [result for result in run(25, 1, 1, kind) if result.wrong] == []
