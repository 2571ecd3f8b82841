"""The reader gives messages in time order, over files and without an index, in small lists."""

import random
from pathlib import Path

import pytest

from rosbag2.reading.reader import BATCH_BYTES, BagReader
from rosbag2.tests.bundles import CDR, START, Row, database, metadata, read, rows

SPLITS = {
    "one after another": [rows(10, START), rows(10, START + 10**9)],
    "listed backwards": [rows(10, START + 10**9), rows(10, START)],
    "interleaved": [rows(10, START), rows(10, START + 500_000)],
    "one within another": [rows(50, START), rows(3, START + 5_500_000), rows(5, START + 10**9)],
    "one empty": [rows(10, START), [], rows(10, START + 10**9)],
}


def _bag(folder: Path, files: list[list[Row]]) -> None:
    names = [f"bag_{number}.db3" for number in range(len(files))]
    for name, messages in zip(names, files, strict=True):
        database(folder / name, messages)
    metadata(folder, files=names)


@pytest.mark.parametrize("case", SPLITS)
def test_over_several_files(tmp_path: Path, case: str) -> None:
    _bag(tmp_path, SPLITS[case])
    times = [time for time, _, _ in read(tmp_path)]
    assert times == sorted(time for part in SPLITS[case] for _, time, _ in part)


@pytest.mark.parametrize("index", [True, False])
def test_rows_out_of_order(tmp_path: Path, *, index: bool) -> None:
    shuffled = rows(500)
    random.Random(3).shuffle(shuffled)  # noqa: S311
    database(tmp_path / "bag_0.db3", shuffled, index=index)
    metadata(tmp_path)
    expected = [(t, d) for _, t, d in rows(500)]
    assert [(t, d) for t, _, d in read(tmp_path)] == expected
    assert [d for _, _, d in read(tmp_path, ["/imu"])] == [d for _, d in expected[1::2]]


@pytest.mark.parametrize("index", [True, False])
def test_messages_of_one_instant_keep_their_order(tmp_path: Path, *, index: bool) -> None:
    messages = [(1, START + (9 - n // 5), CDR + bytes([n])) for n in range(20)]
    database(tmp_path / "bag_0.db3", messages, index=index)
    metadata(tmp_path)
    expected = sorted(messages, key=lambda row: row[1])
    assert [d for _, _, d in read(tmp_path)] == [d for _, _, d in expected]


def test_topics_by_name(tmp_path: Path) -> None:
    database(tmp_path / "bag_0.db3")
    metadata(tmp_path)
    assert len(read(tmp_path, ["/odom", "/imu"])) == 10
    assert {name for _, name, _ in read(tmp_path, ["/odom", "/unknown"])} == {"/odom"}
    assert read(tmp_path, []) == []


@pytest.mark.parametrize("case", ["one after another", "interleaved"])
def test_lists_are_no_longer_than_asked(tmp_path: Path, case: str) -> None:
    _bag(tmp_path, SPLITS[case])
    with BagReader(tmp_path) as reader:
        lengths = [len(batch) for batch in reader.batches(size=7)]
    assert max(lengths) <= 7
    assert sum(lengths) == 20


@pytest.mark.parametrize("other", [START + 10**9, START + 500_000])
def test_large_messages_make_lists_shorter(tmp_path: Path, other: int) -> None:
    large = [(1, time, bytes(2**20)) for _, time, _ in rows(24)]
    _bag(tmp_path, [large, rows(3, other)])
    with BagReader(tmp_path) as reader:
        weights = [sum(len(data) for _, _, data in batch) for batch in reader.batches()]
    assert max(weights) <= BATCH_BYTES + 2**20
    assert sum(weights) == 24 * 2**20 + 60


def test_many_files_need_few_handles(tmp_path: Path) -> None:
    _bag(tmp_path, [rows(2, START + n * 10**9) for n in range(100)])
    with BagReader(tmp_path) as reader:
        handles = []
        for _ in reader.batches():
            # Only this bag's: a test before may have left a file open for the garbage collector.
            open_files = (path.resolve() for path in Path("/proc/self/fd").iterdir())
            handles.append(sum(file.parent == tmp_path.resolve() for file in open_files))
    assert len(handles) == 100
    assert max(handles) == 1


def test_a_reader_may_be_left_early_and_used_again(tmp_path: Path) -> None:
    database(tmp_path / "bag_0.db3", rows(100))
    metadata(tmp_path)
    with BagReader(tmp_path) as reader:
        first = next(reader.batches(size=10))
        passes = [[m for batch in reader.batches() for m in batch] for _ in range(2)]
    assert passes[0] == passes[1]
    assert passes[0][:10] == first
