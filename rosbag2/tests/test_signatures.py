"""Files that are no data of a bag: their first bytes tell what they are, and the sentence what to do."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest
import zstandard

from rosbag2.errors import BagError
from rosbag2.reading.archive import unpack
from rosbag2.recovery.repair import verify_or_repair
from rosbag2.tests.bundles import bag, metadata

ROS1 = b"#ROSBAG V2.0\n" + bytes(100)
PAGE = b"\xef\xbb\xbf\n<!DOCTYPE html>\n<html><title>Sign in</title></html>"
SEVEN = b"7z\xbc\xaf\x27\x1c" + bytes(30)


def _text_only(value: object) -> str:
    """The part of a test's name; packed content holds the time of day."""
    return value if isinstance(value, str) else "content"


def _tar() -> bytes:
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("bag_0.db3"), io.BytesIO())
    return body.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "code", "words"),
    [
        ("old.bag", ROS1, "FILE_IS_ROS1_BAG", "`rosbags-convert --src old.bag --dst old_ros2`"),
        ("my bag.db3", ROS1, "FILE_IS_ROS1_BAG", "--src 'my bag.db3'"),
        ("drive.7z", SEVEN, "FILE_IS_PACKED", "(7z): unpack it with `7z x drive.7z`"),
        ("bag.rar", b"Rar!\x1a\7\1\0", "FILE_IS_PACKED", "`unrar x bag.rar`"),
        ("bag.tar.xz", b"\xfd7zXZ\0" + bytes(9), "FILE_IS_PACKED", "`tar -xf bag.tar.xz`"),
        (
            "bag.db3",
            gzip.compress(b"x"),
            "FILE_IS_PACKED",
            "`gunzip -c bag.db3 > unpacked_bag.db3`",
        ),
        ("bag.db3.gz", gzip.compress(b"x"), "FILE_IS_PACKED", "`gunzip -c bag.db3.gz > bag.db3`"),
        ("bag.mcap", b"PK\3\4" + bytes(30), "FILE_IS_PACKED", "`unzip bag.mcap`"),
        ("bag.mcap", _tar(), "FILE_IS_PACKED", "`tar -xf bag.mcap`"),
        ("bag.db3.zst", zstandard.compress(_tar()), "FILE_IS_PACKED", "(tar)"),
        ("bag.db3", PAGE, "FILE_IS_ANSWER", "(HTML, it begins with “<!DOCTYPE html> <html>"),
        ("bag.mcap", b'{"message": "Not Found"}', "FILE_IS_ANSWER", "(JSON, it begins with “{"),
        ("bag.db3", b"", "FILE_IS_EMPTY", "0 bytes"),
        ("bag.mcap", b"", "FILE_IS_EMPTY", "0 bytes"),
        (
            "bag.db3",
            b"404: Not Found",
            "FILE_NOT_SQLITE",
            "a text that begins with “404: Not Found”",
        ),
        ("bag.mcap", bytes(999), "FILE_NOT_MCAP", "it begins with zeros"),
        ("bag.db3", b"\x01\xff" * 99, "FILE_NOT_SQLITE", "it begins with 01 ff 01 ff 01 ff 01 ff"),
    ],
    ids=_text_only,
)
def test_a_file_alone(tmp_path: Path, name: str, content: bytes, code: str, words: str) -> None:
    folder = tmp_path / "bag"
    folder.mkdir()
    (folder / name).write_bytes(content)
    for source in (folder, folder / name):
        verdict = verify_or_repair(source, tmp_path / "new")
        assert (verdict.status, verdict.code, verdict.details["file"]) == ("rejected", code, name)
        assert words in verdict.sentence


@pytest.mark.parametrize(
    "beside", [{}, {"notes.txt": b"words"}, {"page.json": b'{"a": 1}', "no": b""}]
)
def test_a_folder_without_data(tmp_path: Path, beside: dict[str, bytes]) -> None:
    folder = tmp_path / "bag"
    folder.mkdir()
    for name, content in beside.items():
        (folder / name).write_bytes(content)
    assert verify_or_repair(folder, tmp_path / "new").code == "DATA_MISSING"
    (folder / "inside").mkdir()
    (folder / "inside" / "bag_0.db3").touch()
    assert verify_or_repair(folder, tmp_path / "new").code == "METADATA_MISSING"
    (folder / "x.bag").write_bytes(ROS1)
    assert verify_or_repair(folder, tmp_path / "new").code == "FILE_IS_ROS1_BAG"


def test_the_other_files_of_a_bag_are_saved(tmp_path: Path) -> None:
    folder = bag(tmp_path / "bag")
    (folder / "bag_1.db3").write_bytes(PAGE)
    metadata(folder, files=["bag_0.db3", "bag_1.db3"])
    verdict = verify_or_repair(folder, tmp_path / "new")
    assert (verdict.status, verdict.message_count) == ("repaired", 10)
    assert [warning.code for warning in verdict.warnings] == ["FILE_IS_ANSWER"]


def _zip(*names: str) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for name in names:
            archive.writestr(name, ROS1)
    return body.getvalue()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "FILE_IS_EMPTY"),
        (PAGE, "FILE_IS_ANSWER"),
        (SEVEN, "FILE_IS_PACKED"),
        (ROS1, "FILE_IS_ROS1_BAG"),
        (_zip("day/old.bag", "day/notes.txt"), "FILE_IS_ROS1_BAG"),
        (_zip(), "ARCHIVE_NO_BAG"),
        (b"words" * 200, "it is no archive"),
        (gzip.compress(b"words" * 200), "it holds no tar"),
    ],
    ids=_text_only,
)
def test_what_is_named_as_an_archive(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "drive.zip").write_bytes(content)
    with pytest.raises(BagError) as caught:
        unpack(tmp_path / "drive.zip", tmp_path / "unpacked")
    assert told in (caught.value.code, caught.value.details.get("reason"))
