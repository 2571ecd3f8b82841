"""Bundles that the `rosbags` library writes: storage, version and compression make no difference."""

from pathlib import Path

import pytest
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from rosbag2.checks.verify import verify
from rosbag2.errors import BagError
from rosbag2.recovery.repair import verify_or_repair
from rosbag2.tests.bundles import START, read

MODES = (None, CompressionMode.FILE, CompressionMode.MESSAGE, CompressionMode.STORAGE)
MESSAGES = [(START + n * 10**6, b"\0\1\0\0" + bytes([n]) * 40) for n in range(100)]


def _write(
    folder: Path, storage: StoragePlugin, mode: CompressionMode | None, version: int = 9
) -> None:
    store = get_typestore(Stores.ROS2_HUMBLE)
    writer = Writer(folder, version=version, storage_plugin=storage)
    if mode is not None:
        writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        one = writer.add_connection("/chat", "std_msgs/msg/String", typestore=store)
        two = writer.add_connection("/add/_service_event", "std_msgs/msg/Header", typestore=store)
        for n, (time, data) in enumerate(MESSAGES):
            writer.write(two if n % 3 else one, time, data)


CASES = [
    (storage, mode, version)
    for storage in StoragePlugin
    for mode in MODES
    for version in (8, 9)
    if not (mode is CompressionMode.STORAGE and storage is StoragePlugin.SQLITE3)
]


@pytest.mark.parametrize(("storage", "mode", "version"), CASES)
def test_every_message_is_replayed(
    tmp_path: Path, storage: StoragePlugin, mode: CompressionMode | None, version: int
) -> None:
    _write(tmp_path / "bag", storage, mode, version)
    verdict = verify(tmp_path / "bag")
    assert (verdict.status, verdict.message_count) == ("ready", 100), verdict
    assert [(t, d) for t, _, d in read(tmp_path / "bag")] == MESSAGES
    assert verdict.index is not None
    assert verdict.index.size == 100 * 44


@pytest.mark.parametrize(("storage", "mode", "version"), CASES)
def test_without_metadata_it_is_rebuilt(
    tmp_path: Path, storage: StoragePlugin, mode: CompressionMode | None, version: int
) -> None:
    _write(tmp_path / "bag", storage, mode, version)
    (tmp_path / "bag" / "metadata.yaml").unlink()
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert (verdict.status, verdict.code) == ("repaired", "REBUILT"), verdict
    assert verdict.lost == ()
    assert [(t, d) for t, _, d in read(tmp_path / "new")] == MESSAGES


@pytest.mark.parametrize("listed", ["plain", "packed"])
def test_the_suffix_of_a_packed_file_may_be_listed_or_not(tmp_path: Path, listed: str) -> None:
    folder = tmp_path / "bag"
    _write(folder, StoragePlugin.SQLITE3, CompressionMode.FILE)
    (packed,) = folder.glob("*.db3.zstd")
    path = folder / "metadata.yaml"
    name = packed.name.removesuffix(".zstd") if listed == "plain" else packed.name
    path.write_text(path.read_text().replace(packed.name, name))
    assert verify(folder).status == "ready"
    packed.rename(folder / packed.name.replace(".zstd", ".zst"))
    assert [(t, d) for t, _, d in read(folder)] == MESSAGES


def test_compression_that_metadata_denies_is_a_warning(tmp_path: Path) -> None:
    folder = tmp_path / "bag"
    _write(folder, StoragePlugin.SQLITE3, CompressionMode.MESSAGE)
    path = folder / "metadata.yaml"
    claim = next(line for line in path.read_text().splitlines() if "compression_mode" in line)
    path.write_text(path.read_text().replace(claim, '  compression_mode: ""'))
    assert [warning.code for warning in verify(folder).warnings] == ["COMPRESSION_MISMATCH"]
    assert [(t, d) for t, _, d in read(folder)] == MESSAGES


def test_a_packed_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "bag"
    _write(folder, StoragePlugin.MCAP, CompressionMode.FILE)
    (packed,) = folder.glob("*.zstd")
    packed.write_bytes(packed.read_bytes()[:-30])
    assert verify(folder).code == "FILE_DAMAGED"
    with pytest.raises(BagError):
        read(folder)
