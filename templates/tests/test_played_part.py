"""The played part of a recording: its bounds, its length and its estimated contents."""

from pathlib import Path
from typing import Any

import pytest

from rosbag2.formats.metadata import Topic
from rosbag2.writing.sqlite_writer import BagWriter
from storage.models import Rosbag
from templates.exceptions import TemplateError
from templates.services import templates
from templates.services.pass_length import pass_length
from templates.services.played_part import contents, recorded_seconds
from tests.support.bags import stored_bag

SECOND = 10**9


@pytest.fixture
def bag(db: None, tmp_path: Path) -> Rosbag:
    """/odom at 10 Hz for 100 s, silent from 40 to 60 s; /late with one message at 90 s."""
    with BagWriter(tmp_path / "drive") as writer:
        odom = writer.add_topic(Topic("/odom", "nav_msgs/msg/Odometry"))
        late = writer.add_topic(Topic("/late", "std_msgs/msg/String"))
        for tenth in (*range(400), *range(600, 1001)):
            if tenth == 900:
                writer.write(late, 5 * SECOND + 900 * SECOND // 10 - 1, bytes([0, 1, 0, 0]))
            writer.write(odom, 5 * SECOND + tenth * SECOND // 10, bytes([0, 1, 0, 0]))
    return stored_bag(tmp_path / "drive")


@pytest.mark.parametrize(
    ("start", "end", "messages", "is_exact"),
    [
        (0.0, None, 802, True),
        (10.0, 30.0, 201, False),
        (45.0, 55.0, 0, True),
        (50.0, 75.0, 151, False),
        (89.0, None, 111 + 1, False),
        (100.0, None, 1, False),
    ],
)
def test_contents_are_about_right(
    bag: Rosbag, start: float, end: float | None, messages: int, is_exact: bool
) -> None:
    part = contents(bag, list(bag.topics.all()), start, end)
    assert part.messages == pytest.approx(messages, abs=6)
    assert bool(part.messages) == bool(messages)
    assert part.is_exact == is_exact
    assert part.size == pytest.approx(4 * part.messages, rel=0.1, abs=4)


@pytest.mark.parametrize(
    ("start", "end", "max_gap", "seconds"),
    [
        (0.0, None, None, 100),
        (10.0, 30.0, None, 20),
        (30.0, 70.0, None, 40),
        (30.0, 70.0, 1.0, 21),
        (50.0, 75.0, None, 15),  # the first message of the part is at 60 s
        (45.0, 55.0, None, 0),
        (0.0, 1000.0, None, 100),
    ],
)
def test_length_of_a_part(
    bag: Rosbag, start: float, end: float | None, max_gap: float | None, seconds: float
) -> None:
    length = pass_length(bag.topics.all(), max_gap, start, end)
    assert length.seconds == pytest.approx(seconds, abs=0.2)
    assert length.is_known


def test_offsets_count_from_the_first_played_message(bag: Rosbag) -> None:
    assert recorded_seconds(bag.topics.all()) == pytest.approx(100)
    assert recorded_seconds(bag.topics.filter(name="/late")) == 0
    assert recorded_seconds([]) is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"start_offset": -1}, {"/start_offset": "OFFSET_INVALID"}),
        ({"start_offset": float("nan")}, {"/start_offset": "OFFSET_INVALID"}),
        ({"end_offset": float("inf")}, {"/end_offset": "OFFSET_INVALID"}),
        ({"start_offset": 20, "end_offset": 20}, {"/end_offset": "OFFSET_INVALID"}),
        ({"start_offset": 100.1}, {"/start_offset": "OFFSET_BEYOND_RECORDING"}),
        ({"end_offset": 101}, {"/end_offset": "OFFSET_BEYOND_RECORDING"}),
        ({"topics": ["/late"], "end_offset": 1}, {"/end_offset": "OFFSET_BEYOND_RECORDING"}),
        ({"pass_gap": 86401}, {"/pass_gap": "PASS_GAP_INVALID"}),
        ({"clock_hz": 0.05}, {"/clock_hz": "CLOCK_RATE_INVALID"}),
        ({"clock_hz": 10, "rate": 0}, {"/clock_hz": "CLOCK_UNPACED"}),
        ({"match_seconds": 0}, {"/match_seconds": "MATCH_SECONDS_INVALID"}),
    ],
)
def test_numbers_that_are_refused(
    bag: Rosbag, values: dict[str, Any], expected: dict[str, str]
) -> None:
    with pytest.raises(TemplateError) as caught:
        templates.create(name="t", rosbag=bag, **values)
    assert {error.pointer: error.code for error in caught.value.errors} == expected


def test_a_change_is_checked_with_what_stays(bag: Rosbag) -> None:
    template = templates.create(name="t", rosbag=bag, start_offset=50, end_offset=100, clock_hz=10)
    for changes, pointer in (({"end_offset": 40}, "/end_offset"), ({"rate": 0}, "/clock_hz")):
        with pytest.raises(TemplateError) as caught:
            templates.update(template, **changes)
        assert [error.pointer for error in caught.value.errors] == [pointer]
    assert templates.update(template, end_offset=None).end_offset is None
