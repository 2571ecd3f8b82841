"""Bundles made to do harm: each ends in an outcome, within the limits, and nothing is left behind."""

from pathlib import Path

import pytest

from rosbag2.sandbox import checks
from rosbag2.tests.hostile import CASES

REFUSED = {
    "link to a file outside": "PATH_UNSAFE",
    "link to metadata outside": "PATH_UNSAFE",
    "200,000 files listed": "TOO_MANY_FILES",
    "YAML bomb": "METADATA_REFUSED",
    "YAML tag": "METADATA_REFUSED",
    "YAML depth": "METADATA_REFUSED",
    "YAML of 20 MB": "METADATA_REFUSED",
    "YAML of 9 MB, dense": "METADATA_REFUSED",
    "YAML anchors": "METADATA_REFUSED",
    "zstd bomb of zeros": "FILE_UNKNOWN",
    "zstd bomb behind a header": "UNPACKS_TOO_LARGE",
    "zstd bombs as messages": "UNPACKS_TOO_LARGE",
    "SQLite: messages without end": "SCHEMA_UNKNOWN",
    "SQLite: topics without end": "TOPICS_UNNAMED",
    "SQLite: virtual table": "SCHEMA_UNKNOWN",
    "SQLite: 200,000 topics": "TOO_MANY_TOPICS",
    "topic with NUL": "NAME_IMPLAUSIBLE",
    "topic of 1 MB": "NAME_IMPLAUSIBLE",
    "MCAP: thousands of bombs": "UNPACKS_TOO_LARGE",
    "MCAP: 5 million empty records": "FILE_REFUSED",
    "MCAP: 5 million empty indexes": "FILE_REFUSED",
    "MCAP: 60,000 channels": "TOO_MANY_TOPICS",
    "MCAP: schema of 15 MB, 30 times": "CHECK_TOO_LARGE",
    "MCAP: topic of 1 MB": "NAME_IMPLAUSIBLE",
    "MCAP: only magic": "NOTHING_LEFT",
}
KEPT = {
    "path traversal": 10,
    "path absolute": 10,
    "path of Windows": 10,
    "path with a drive": 10,
    "path of a server": 10,
    "path with NUL": 10,
    "link as a journal": 10,
    "file listed 9,000 times": 10,
    "SQLite: triggers": 10,
    "SQLite: computed column": 10,
    "SQLite: index on an expression": 10,
    "SQLite: a blob of 400 MB": 10,
    "SQLite: one page a billion times": 30,
    "topic named in HTML": 10,
    "topic named in signs of control": 10,
    "times before the epoch": 2,
    "metadata of the year 9999": 10,
    "MCAP: record of 2^63": 40,
    "MCAP: attachment of 2^40": 40,
    "MCAP: chunk that claims 2^60": 80,
    "MCAP: chunk that claims 100 MB": 80,
    "MCAP: bomb in a chunk": 40,
    "MCAP: 3 million empty messages": 40,
    "MCAP: no channel": 40,
    "MCAP: time of the year 2500": 40,
    "MCAP: compression unknown": 40,
    "MCAP: record of kind 0": 40,
}


@pytest.mark.parametrize("name", CASES)
def test_hostile_bags_end_in_an_outcome(tmp_path: Path, name: str) -> None:
    folder, target, scratch = tmp_path / "bag", tmp_path / "new", tmp_path / "scratch"
    for path in (folder, scratch):
        path.mkdir()
    CASES[name](folder)
    verdict = checks.verify_or_repair(folder, target, scratch=scratch)
    assert verdict.code not in {"CHECK_BROKE_OFF", "CHECK_TOO_SLOW"}, verdict.details
    assert len(verdict.sentence) < 1000
    assert list(scratch.iterdir()) == []
    assert target.exists() == (verdict.status == "repaired")
    if name in REFUSED:
        assert (verdict.status, verdict.code) == ("rejected", REFUSED[name])
    if name in KEPT:
        assert (verdict.status != "rejected", verdict.message_count) == (True, KEPT[name])
