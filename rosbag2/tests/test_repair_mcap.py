"""MCAP files that were cut off or damaged: every whole chunk and message is saved, the rest is named."""

import random
from pathlib import Path

import pytest
from rosbags.rosbag2 import Reader

from rosbag2.recovery.repair import repair, verify_or_repair
from rosbag2.tests.bundles import CDR, START, read
from rosbag2.tests.corpus import Mcap, chunk, expected, groups, mcap_bag, times

ALL = [row for group in groups() for row in group]


@pytest.mark.parametrize("compression", ["", "zstd", "lz4"])
@pytest.mark.parametrize("whole", [1, 2, 3])
def test_cut_off_within_a_chunk(tmp_path: Path, compression: str, whole: int) -> None:
    layout = Mcap(groups(), compression)
    content = layout.data()
    parts = layout.parts[: 2 * whole + 1]
    # The last chunk lacks its end.
    mcap_bag(tmp_path / "bag", content[: len(layout.start()) + sum(map(len, parts)) - 5])
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    kept = 10 * whole + (9 if compression == "" else 0)
    assert (verdict.status, verdict.code, verdict.message_count) == ("repaired", "RESCUED", kept)
    assert times(read(tmp_path / "new")) == expected(ALL)[:kept]
    (lost,) = verdict.lost
    # The chunk that is cut off, and those that never came.
    assert lost.messages == 40 - kept
    assert lost.first_ns == ALL[kept if compression else kept - 1][1]
    assert lost.last_ns == ALL[-1][1]
    assert "FILE_UNFINISHED" in {warning.code for warning in verdict.warnings}


@pytest.mark.parametrize("first", [0, 1, 2])
def test_a_loss_ends_with_the_next_message(tmp_path: Path, first: int) -> None:
    layout = Mcap(groups())
    content = layout.data()
    start = len(layout.start()) + sum(map(len, layout.parts[: 2 * first])) if first else 0
    end = len(layout.start()) + sum(map(len, layout.parts[: 2 * first + 1]))
    mcap_bag(tmp_path / "bag", content[:start] + bytes(end - start) + content[end:])
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    (lost,) = verdict.lost
    assert (lost.messages, lost.last_ns) == (10, ALL[10 * (first + 1)][1])
    assert lost.first_ns == (ALL[10 * first - 1][1] if first else None)


def test_cut_off_at_every_byte(tmp_path: Path) -> None:
    content = Mcap(groups(3, 4)).data()
    counts = []
    for end in range(8, len(content), 7):
        mcap_bag(tmp_path / "bag", content[:end])
        verdict = repair(tmp_path / "bag", tmp_path / str(end))
        assert verdict.status in {"repaired", "rejected"}
        counts.append(verdict.message_count or 0)
    assert counts == sorted(counts)
    assert counts[-1] == 12


def test_no_footer_loses_nothing(tmp_path: Path) -> None:
    layout = Mcap(groups())
    content = layout.data()
    mcap_bag(tmp_path / "bag", content[: len(layout.start()) + sum(map(len, layout.parts))])
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert (verdict.status, verdict.code, verdict.lost) == ("repaired", "REBUILT", ())
    assert times(read(tmp_path / "new")) == expected(ALL)
    # Others read it too.
    with Reader(tmp_path / "new") as reader:
        assert [(time, data) for _, time, data in reader.messages()] == expected(ALL)


def test_messages_without_chunks(tmp_path: Path) -> None:
    layout = Mcap(groups(), None)
    content = layout.data()
    end = len(layout.start()) + sum(map(len, layout.parts[:31])) - 3
    mcap_bag(tmp_path / "bag", content[:end])
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert (verdict.status, verdict.message_count) == ("repaired", 29)
    assert [lost.messages for lost in verdict.lost] == [11]


@pytest.mark.parametrize("compression", ["", "zstd", "lz4"])
def test_a_chunk_with_a_wrong_checksum_is_lost(tmp_path: Path, compression: str) -> None:
    layout = Mcap(groups(), compression)
    content = layout.data()
    bad = bytearray(layout.parts[2])
    bad[-1] ^= 0xFF
    mcap_bag(tmp_path / "bag", content.replace(layout.parts[2], bytes(bad)))
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert (verdict.status, verdict.message_count) == ("repaired", 30)
    (lost,) = verdict.lost
    assert (lost.first_ns, lost.last_ns, lost.messages) == (ALL[10][1], ALL[19][1], 10)


def test_the_chunk_that_names_the_topics_is_lost(tmp_path: Path) -> None:
    layout = Mcap(groups(), "zstd")
    content = layout.data()
    first = layout.parts[0]
    mcap_bag(tmp_path / "bag", content.replace(first, first[:-20] + bytes(20)))
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert (verdict.status, verdict.message_count) == ("repaired", 30)


def test_the_head_of_a_chunk_is_overwritten(tmp_path: Path) -> None:
    layout = Mcap(groups())
    content = bytearray(layout.data())
    place = len(layout.start()) + sum(map(len, layout.parts[:2]))
    content[place : place + 30] = b"\xee" * 30
    mcap_bag(tmp_path / "bag", bytes(content))
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    # Its checksum says that it is whole.
    assert (verdict.code, verdict.message_count, verdict.lost) == ("REBUILT", 40, ())


@pytest.mark.parametrize("summary", [False, True])
def test_bytes_between_records(tmp_path: Path, *, summary: bool) -> None:
    layout = Mcap(groups(), promised=None if summary else -1)
    content = bytearray(layout.data())
    place = len(layout.start()) + sum(map(len, layout.parts[:2]))
    content[place:place] = b"\xee" * 30
    mcap_bag(tmp_path / "bag", bytes(content))
    (tmp_path / "bag" / "metadata.yaml").unlink()
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert verdict.message_count == 40, verdict.lost
    if summary:
        # As many as the summary promises: no message was in them.
        assert (verdict.code, verdict.lost) == ("REBUILT", ())
        return
    assert (verdict.code, [span.messages for span in verdict.lost]) == ("RESCUED_UNCOUNTED", [None])
    assert "0 are" not in verdict.sentence


def test_random_damage_never_raises(tmp_path: Path) -> None:
    source = Mcap(groups(), "zstd", crc=None).data()
    rolled = random.Random(5)  # noqa: S311
    for turn in range(60):
        content = bytearray(source)
        for _ in range(rolled.randrange(1, 6)):
            place = rolled.randrange(8, len(content))
            content[place] = rolled.randrange(256)
        mcap_bag(tmp_path / "bag", bytes(content))
        verdict = verify_or_repair(tmp_path / "bag", tmp_path / str(turn))
        assert verdict.code not in {"CHECK_BROKE_OFF"}
        if verdict.status == "repaired":
            assert len(read(tmp_path / str(turn))) == verdict.details["kept"]


def test_nothing_readable_is_rejected(tmp_path: Path) -> None:
    mcap_bag(tmp_path / "bag", Mcap(groups()).data()[:40])
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert (verdict.status, verdict.code) == ("rejected", "NOTHING_LEFT")
    assert not (tmp_path / "new").exists()
    assert verdict.index is None


def test_times_stay_in_64_bits(tmp_path: Path) -> None:
    late = [(1, 2**63 + 5, CDR + b"late"), (1, START + 10**9, CDR + b"good")]
    mcap_bag(tmp_path / "bag", Mcap([*groups(), late]).data())
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert (verdict.status, verdict.message_count) == ("repaired", 41)


def test_missing_messages_are_assigned_to_the_one_uncounted_loss(
    tmp_path: Path,
) -> None:
    layout = Mcap(groups(), None)
    content = bytearray(layout.data())
    place = content.rfind(layout.parts[-12])
    content[place : place + 100] = b"\xee" * 100
    mcap_bag(tmp_path / "bag", bytes(content))
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert (verdict.code, verdict.details["lost"]) == ("RESCUED", 40 - (verdict.message_count or 0))


def test_a_chunk_that_is_too_large_is_reported_once(tmp_path: Path) -> None:
    content = Mcap(groups()).start() + chunk(b"", [START], size=100 * 2**20)
    mcap_bag(tmp_path / "bag", content)
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert verdict.code == "NOTHING_LEFT"
    assert verdict.sentence.count("replace it") == 1, verdict.sentence
