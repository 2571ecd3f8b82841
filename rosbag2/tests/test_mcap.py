"""MCAP: every way to lay out a file is read the same; what the summary says is only a claim."""

from pathlib import Path

import pytest

from rosbag2.checks.verify import verify
from rosbag2.reading import mcap
from rosbag2.reading.reader import BATCH_BYTES, BagReader
from rosbag2.tests.bundles import CDR, START, Row, read, rows
from rosbag2.tests.corpus import (
    MAGIC,
    Mcap,
    channel,
    chunk,
    expected,
    groups,
    header,
    index_of,
    mcap_bag,
    message,
    times,
)

ALL = [row for group in groups() for row in group]


@pytest.mark.parametrize("compression", ["", "zstd", "lz4", None])
@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("repeat", [True, False])
def test_layouts(tmp_path: Path, compression: str | None, *, index: bool, repeat: bool) -> None:
    mcap_bag(tmp_path, Mcap(groups(), compression, index=index, repeat=repeat).data())
    verdict = verify(tmp_path)
    assert (verdict.status, verdict.message_count) == ("ready", 40), verdict
    assert times(read(tmp_path)) == expected(ALL)
    with BagReader(tmp_path) as reader:
        assert [topic.type for topic in reader.topics] == [
            "nav_msgs/msg/Odometry",
            "sensor_msgs/msg/Imu",
        ]
        only = [m for batch in reader.batches(["/imu"], size=3) for m in batch]
    assert [data for _, data in times(only)] == [data for _, _, data in ALL[1::2]]


SHUFFLED: dict[str, list[list[Row]]] = {
    "chunks in reverse": groups()[::-1],
    "chunks that overlap": [ALL[0::4], ALL[1::4], ALL[2::4], ALL[3::4]],
    "messages in reverse": [group[::-1] for group in groups()],
    "one within another": [ALL[:5] + ALL[35:], ALL[5:20], ALL[20:35]],
}


@pytest.mark.parametrize("case", SHUFFLED)
@pytest.mark.parametrize("compression", ["", None])
@pytest.mark.parametrize("memory", [2**26, 0])
def test_time_order(
    tmp_path: Path,
    case: str,
    compression: str | None,
    memory: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mcap, "MAX_OVERLAP", memory)
    mcap_bag(tmp_path, Mcap(SHUFFLED[case], compression).data())
    assert verify(tmp_path).message_count == 40
    assert times(read(tmp_path)) == expected(ALL)


def test_a_wrong_summary_is_a_warning(tmp_path: Path) -> None:
    mcap_bag(tmp_path, Mcap(groups(), promised=7).data())
    (warning,) = verify(tmp_path).warnings
    assert (warning.code, warning.details["listed"]) == ("SUMMARY_MISMATCH", 7)
    assert len(read(tmp_path)) == 40


def test_no_summary_is_a_warning(tmp_path: Path) -> None:
    mcap_bag(tmp_path, Mcap(groups(), promised=-1).data())
    assert [warning.code for warning in verify(tmp_path).warnings] == ["SUMMARY_MISSING"]
    assert times(read(tmp_path)) == expected(ALL)


def test_chunks_without_times_are_read(tmp_path: Path) -> None:
    layout = Mcap(groups())
    content = layout.data()
    for part in layout.parts[::2]:
        content = content.replace(part, part[:9] + bytes(16) + part[25:])
    mcap_bag(tmp_path, content)
    assert verify(tmp_path).status == "ready"
    assert times(read(tmp_path)) == expected(ALL)


def test_chunks_with_wrong_times_keep_every_message(tmp_path: Path) -> None:
    layout = Mcap(groups())
    content = layout.data()
    late = (START + 10**12).to_bytes(8, "little")
    first = layout.parts[0]
    mcap_bag(tmp_path, content.replace(first, first[:9] + late + late + first[25:]))
    assert "CHUNK_TIMES" in {warning.code for warning in verify(tmp_path).warnings}
    assert sorted(times(read(tmp_path))) == expected(ALL)


def test_a_channel_without_schema_takes_its_type_from_metadata(tmp_path: Path) -> None:
    group = [(1, time, data) for _, time, data in ALL]
    names = channel(1, "/odom", schema_id=9)
    content = MAGIC + header() + chunk(names + b"".join(map(message, group)), [START, START + 1])
    mcap_bag(tmp_path, content + index_of(group) + Mcap([]).end(b""))
    verdict = verify(tmp_path)
    assert verdict.index is not None, verdict
    assert [topic.type for topic in verdict.index.topics] == ["nav_msgs/msg/Odometry"]


def test_messages_without_a_channel_are_counted(tmp_path: Path) -> None:
    stray = [(77, START + 10**9, CDR)]
    mcap_bag(tmp_path, Mcap([*groups(), stray]).data())
    verdict = verify(tmp_path)
    assert verdict.message_count == 40
    assert "ORPHAN_MESSAGES" in {warning.code for warning in verdict.warnings}
    assert len(read(tmp_path)) == 40


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda content: content[:-20], "FILE_UNFINISHED"),
        (lambda content: content[: len(content) // 2], "FILE_UNFINISHED"),
        (lambda content: content.replace(ALL[25][2], b"\xff" * 20), "FILE_DAMAGED"),
        (lambda content: MAGIC, "FILE_UNFINISHED"),
        (lambda content: b"MCAP" + content, "FILE_NOT_MCAP"),
        (lambda content: b"", "FILE_IS_EMPTY"),
    ],
)
def test_damage_is_found(tmp_path: Path, damage: object, code: str) -> None:
    mcap_bag(tmp_path, damage(Mcap(groups()).data()))  # type: ignore[operator]
    verdict = verify(tmp_path)
    assert (verdict.status, verdict.code) == ("rejected", code)
    assert "bag_0.mcap" in verdict.sentence


def test_large_messages_make_lists_shorter(tmp_path: Path) -> None:
    large = [(1, time, bytes(2**20)) for _, time, _ in rows(24)]
    mcap_bag(tmp_path, Mcap([large]).data())
    with BagReader(tmp_path) as reader:
        weights = [sum(len(data) for _, _, data in batch) for batch in reader.batches()]
    assert max(weights) <= BATCH_BYTES + 2**20
    assert sum(weights) == 24 * 2**20
