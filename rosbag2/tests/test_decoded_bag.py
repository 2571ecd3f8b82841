"""A stretch of a bag is read alike from every format, from one file and from several."""

from pathlib import Path

import pytest

from rosbag2.extraction.decoded_bag import EVER, DecodedBag, TopicUnknownError
from rosbag2.extraction.export import ExportRequest, export_bag
from rosbag2.extraction.messages import messages, moment
from rosbag2.formats.metadata import Topic
from rosbag2.tests.bundles import SHARED, START
from rosbag2.tests.messages import encoded
from rosbag2.writing.sample import START_NS, make_sample
from rosbag2.writing.sqlite_writer import BagWriter

HALF = 500_000_000
BAGS = {
    "ok-v4-split4-filezstd-sqlite": 775,
    "ok-v4-split5-wbag-sqlite": 6074,
    "ok-v6-cdr_test-mcap": 7,
    "ok-v7-fluid-mcap": 15,
    "ok-v9-kilted-filezstd-sqlite": 6,
    "odd-v4-qos-mismatch-sqlite": 20,
}


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_a_span_has_both_its_ends(tmp_path: Path, storage: str) -> None:
    make_sample(tmp_path / "drive", seconds=2)
    folder = tmp_path / "bag"
    with DecodedBag(tmp_path / "drive") as source:
        list(export_bag(source, folder, storage, ExportRequest(None)))  # type: ignore[arg-type]
    span = (START_NS + HALF, START_NS + 2 * HALF)
    with DecodedBag(folder) as source:
        whole = list(source.messages(["/odom"]))
        part = list(source.messages(["/odom"], span))
        assert part == [item for item in whole if span[0] <= item[0] <= span[1]]
        assert (part[0][0], part[-1][0]) == span
        assert source.first_after("/odom", span[0] + 1) == part[1][::2]
        assert source.first_after("/odom", whole[-1][0] + 1) is None
        assert list(source.messages([], span)) == []


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared bags are not here")
@pytest.mark.parametrize("name", BAGS)
def test_real_bags_are_decoded_from_end_to_end_and_by_spans(name: str) -> None:
    with DecodedBag(SHARED / name) as source:
        result = list(messages(source, None, span=EVER, limit=10**6, items=5))
        assert len(result) == BAGS[name]
        middle = result[len(result) // 2]["time_ns"]
        before = sum(1 for _ in source.messages(None, (EVER[0], middle - 1)))
        after = sum(1 for _ in source.messages(None, (middle, EVER[1])))
        assert before + after == BAGS[name]
    errors = {item["error"]["code"] for item in result if item["error"]}
    assert errors <= {"TYPE_UNKNOWN"}


def test_a_limit_and_a_topic_that_is_not_there(tmp_path: Path) -> None:
    make_sample(tmp_path / "drive", seconds=1)
    with DecodedBag(tmp_path / "drive") as source:
        assert len(list(messages(source, ["/odom"], span=EVER, limit=3, items=5))) == 3
        with pytest.raises(TopicUnknownError):
            list(messages(source, ["/none"], span=EVER, limit=3, items=5))


def test_times_out_of_range_have_no_text() -> None:
    assert moment(0) == "1970-01-01T00:00:00.000000000Z"
    assert moment(-1) == "1969-12-31T23:59:59.999999999Z"
    assert moment(2**63 - 1) == "2262-04-11T23:47:16.854775807Z"
    assert moment(10**30) is None


def test_types_are_those_of_the_distribution_that_recorded(tmp_path: Path) -> None:
    """A `Range` of Humble has no `variance` yet; its metadata do not name the distribution."""
    kind = "sensor_msgs/msg/Range"
    with BagWriter(tmp_path / "bag", version=5) as writer:
        writer.write(writer.add_topic(Topic("/range", kind)), START, encoded(kind, range=2.0))
    with DecodedBag(tmp_path / "bag") as source:
        assert "variance" not in source.message_type("/range").fields
        list(export_bag(source, tmp_path / "export", "mcap", ExportRequest(None)))
    with DecodedBag(tmp_path / "export") as source:
        assert "variance" not in source.topic("/range").definition
