"""Real bags of others: every message that the data files hold is replayed."""

import hashlib
from pathlib import Path

import pytest

from rosbag2.checks.verify import verify
from rosbag2.reading.reader import BagReader
from rosbag2.tests.bundles import SHARED, read

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared bags are not here")

PLAIN = {
    "odd-v4-qos-mismatch-sqlite": (20, {"QOS_MISMATCH"}),
    "ok-v1-crystal-cdr_test-sqlite": (7, {"UNLISTED_FILE"}),
    "ok-v4-foxy-cdr_test-sqlite-wal": (7, set()),
    "ok-v4-foxy-talker-sqlite": (20, set()),
    "ok-v4-split5-wbag-sqlite": (6074, {"TIME_MISMATCH"}),
    "ok-v5-humble-gnss-sqlite": (15334, set()),
    "ok-v5-humble-ins-sqlite": (3168, set()),
    "ok-v5-rosbagslib-94types-sqlite": (188, set()),
    "ok-v4-split4-filezstd-sqlite": (775, {"TIME_MISMATCH"}),
    "ok-v9-kilted-filezstd-sqlite": (6, set()),
    "ok-v6-cdr_test-mcap": (7, set()),
    "ok-v7-fluid-mcap": (15, set()),
}
REFUSED = {
    "broken-lfs-pointer-sqlite": "FILE_IS_LFS_POINTER",
    "broken-wrong-serialization-sqlite": "SERIALIZATION_UNSUPPORTED",
    "rescue-empty-storage-id": "METADATA_INCOMPLETE",
}


def _contents(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


@pytest.mark.parametrize("name", PLAIN)
def test_every_message_comes_out_in_time_order(name: str) -> None:
    messages = read(SHARED / name)
    assert len(messages) == PLAIN[name][0]
    assert [m[0] for m in messages] == sorted(m[0] for m in messages)


@pytest.mark.parametrize("name", PLAIN)
def test_reading_by_topic_gives_the_same_messages(name: str) -> None:
    everything = read(SHARED / name)
    with BagReader(SHARED / name) as reader:
        for topic in reader.topics:
            only = [m for batch in reader.batches([topic.name], size=3) for m in batch]
            assert only == [m for m in everything if m[1] == topic.name]


@pytest.mark.parametrize("name", PLAIN)
def test_verification_accepts_and_counts(name: str) -> None:
    before = _contents(SHARED / name)
    verdict = verify(SHARED / name)
    count, codes = PLAIN[name]
    assert verdict.status == ("ready_with_warnings" if codes else "ready"), verdict.sentence
    assert {warning.code for warning in verdict.warnings} == codes
    assert verdict.index is not None
    assert verdict.index.message_count == count
    assert _contents(SHARED / name) == before


@pytest.mark.parametrize("name", REFUSED)
def test_verification_refuses_with_the_reason(name: str) -> None:
    verdict = verify(SHARED / name)
    assert (verdict.status, verdict.code) == ("rejected", REFUSED[name])
    assert verdict.index is None
