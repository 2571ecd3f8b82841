"""Bags with very many files or topics: refused by their number, and cheap to open one by one."""

import zipfile
from pathlib import Path

import pytest

from rosbag2.budget import MAX_FILES, MAX_TOPICS
from rosbag2.checks.verdict import Verdict
from rosbag2.checks.verify import verify
from rosbag2.errors import BagError
from rosbag2.reading import opening
from rosbag2.reading.archive import unpack
from rosbag2.recovery.repair import verify_or_repair
from rosbag2.tests import bundles


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were opened."""
    paths: list[Path] = []
    head = opening.head

    def noted(name: str, path: Path) -> bytes:
        paths.append(path)
        return head(name, path)

    monkeypatch.setattr(opening, "head", noted)
    return paths


def code(verdict: Verdict) -> tuple[str, str, object]:
    return verdict.status, verdict.code, verdict.details.get("file")


@pytest.mark.parametrize("listed", [False, True])
def test_too_many_files_are_refused_unopened(
    tmp_path: Path, opened: list[Path], *, listed: bool
) -> None:
    folder = tmp_path / "bag"
    bundles.bag(folder)
    names = [f"bag_{number}.db3" for number in range(MAX_FILES + 1)]
    if listed:
        bundles.metadata(folder, files=names)
    else:
        for name in names:
            (folder / name).touch()
    assert code(verify_or_repair(folder, tmp_path / "new")) == ("rejected", "TOO_MANY_FILES", None)
    assert opened == []


def test_metadata_is_no_file_too_many(tmp_path: Path, opened: list[Path]) -> None:
    folder = bundles.bag(tmp_path / "bag")
    for number in range(1, MAX_FILES):
        (folder / f"{number}.txt").touch()
    assert verify(folder).message_count == 10
    (folder / "one.txt").touch()
    assert verify(folder).code == "TOO_MANY_FILES"


def test_an_archive_of_too_many_files_is_refused_by_its_directory(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bag.zip", "w") as archive:
        for number in range(MAX_FILES + 1):
            archive.writestr(f"{number}.db3", b"")
    with pytest.raises(BagError) as caught:
        unpack(tmp_path / "bag.zip", tmp_path / "new")
    assert caught.value.code == "TOO_MANY_FILES"
    assert list((tmp_path / "new").iterdir()) == []


def test_too_many_topics_are_blamed_on_the_file_that_was_sent(tmp_path: Path) -> None:
    topics = [(number, f"/t{number}", "a/msg/B") for number in range(1, MAX_TOPICS + 2)]
    alone = tmp_path / "alone"
    alone.mkdir()
    bundles.database(alone / "drive_0.db3", topics=topics)
    expected = ("rejected", "TOO_MANY_TOPICS", "drive_0.db3")
    assert code(verify_or_repair(alone, tmp_path / "new")) == expected
    assert code(verify_or_repair(alone / "drive_0.db3", tmp_path / "new")) == expected


def test_topics_of_all_files_count_together(tmp_path: Path) -> None:
    folder = tmp_path / "bag"
    folder.mkdir()
    half = MAX_TOPICS // 2 + 1
    for file in range(2):
        topics = [(n, f"/t{n + file * half}", "a/msg/B") for n in range(1, half + 1)]
        bundles.database(folder / f"drive_{file}.db3", topics=topics)
    verdict = verify_or_repair(folder, tmp_path / "new")
    assert code(verdict) == ("rejected", "TOO_MANY_TOPICS", "drive_1.db3")


def test_too_many_topics_in_metadata(tmp_path: Path) -> None:
    folder = bundles.bag(tmp_path / "bag")
    topics = [(f"/t{number}", "a/msg/B", 0) for number in range(MAX_TOPICS * 4)]
    bundles.metadata(folder, topics=topics)
    verdict = verify(folder)
    assert code(verdict) == ("rejected", "TOO_MANY_TOPICS", "metadata.yaml")


def test_opening_a_plain_file_makes_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = bundles.bag(tmp_path / "bag")
    made: list[object] = []
    monkeypatch.setattr(opening, "TemporaryDirectory", made.append)
    assert verify(folder).status == "ready"
    assert made == []
