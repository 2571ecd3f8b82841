"""metadata.yaml from strangers: refused with a reason, with bounded effort."""

import os
from pathlib import Path

import pytest

from rosbag2.checks.verify import verify
from rosbag2.errors import BagError
from rosbag2.formats import yaml_loader
from rosbag2.formats.metadata import read_metadata
from rosbag2.tests.bundles import bag, database

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join(['*' + a] * 10)}]\n"
    for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"just words",
        b"- a\n- list\n",
        b"other_key: {}\n",
        b"rosbag2_bagfile_information: 7\n",
        b"rosbag2_bagfile_information: {version: 4\n",
        b"rosbag2_bagfile_information: {relative_file_paths: {a: b}}\n",
        b"rosbag2_bagfile_information: {relative_file_paths: [[a]]}\n",
        b"rosbag2_bagfile_information: {topics_with_message_count: [7]}\n",
        b"rosbag2_bagfile_information: !!python/object/apply:os.system [id]\n",
        b"? [a, b]\n: c\n",
        b"a: *nobody\n",
        b"a: &a [*a]\n",
        b"a: 1\n---\nb: 2\n",
        b"\xff\xfe\x00\xd8 nonsense \x00\x01",
        b"[" * 100_000,
        b"# " + b"x" * (yaml_loader.MAX_BYTES + 1),
        BOMB.encode(),
    ],
    ids=range(18),
)
def test_harmful_or_malformed_metadata_is_refused(tmp_path: Path, content: bytes) -> None:
    database(tmp_path / "bag_0.db3")
    (tmp_path / "metadata.yaml").write_bytes(content)
    verdict = verify(tmp_path)
    refused = verdict.code in {"METADATA_UNREADABLE", "METADATA_REFUSED"}
    assert (verdict.status, refused) == ("rejected", True)
    assert "metadata.yaml" in verdict.sentence
    assert len(verdict.sentence) < 400


def test_an_alias_bomb_is_refused() -> None:
    with pytest.raises(ValueError, match="too many values"):
        yaml_loader.parse(BOMB)


def test_honest_aliases_are_read() -> None:
    assert yaml_loader.parse("a: &x {b: '1'}\nc: *x\n") == {"a": {"b": "1"}, "c": {"b": "1"}}


def test_plain_null_is_none_unless_quoted() -> None:
    node = yaml_loader.parse("a: ~\nb: '~'\nc:\nd: ''\ne: null\nf: 012\n")
    assert node == {"a": None, "b": "~", "c": None, "d": "", "e": None, "f": "012"}


def test_a_deep_list_within_bounds_is_read() -> None:
    node = yaml_loader.parse("[" * yaml_loader.MAX_DEPTH + "]" * yaml_loader.MAX_DEPTH)
    assert isinstance(node, list)


def test_absent(tmp_path: Path) -> None:
    database(tmp_path / "bag_0.db3")
    assert verify(tmp_path).code == "METADATA_MISSING"
    assert verify(tmp_path / "nowhere").code == "FOLDER_MISSING"


def test_a_pipe_named_metadata_yaml_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "metadata.yaml")
    with pytest.raises(BagError, match="not a file"):
        read_metadata(tmp_path)


def test_a_git_lfs_pointer(tmp_path: Path) -> None:
    bag(tmp_path)
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n"
    (tmp_path / "metadata.yaml").write_text(pointer)
    verdict = verify(tmp_path)
    assert (verdict.code, verdict.details) == ("FILE_IS_LFS_POINTER", {"file": "metadata.yaml"})


def test_invalid_numbers_in_metadata_are_none(tmp_path: Path) -> None:
    bag(tmp_path)
    path = tmp_path / "metadata.yaml"
    text = path.read_text().replace("  message_count: 10\n", f"  message_count: {'9' * 5000}\n")
    path.write_text(text.replace("nanoseconds: 9000000", "nanoseconds: soon"))
    claims = read_metadata(tmp_path)
    assert (claims.message_count, claims.duration_ns) == (None, None)
    assert verify(tmp_path).status == "ready"
