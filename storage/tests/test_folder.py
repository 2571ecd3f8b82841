"""Faults of the folder store: keys outside the folder, a full disk, killed writers."""

import errno
import io
import os
from pathlib import Path
from typing import Any

import pytest

from storage.objects.base import StoreError
from storage.objects.files import STALE_SECONDS
from storage.objects.folder import FolderStore
from storage.objects.grants import PartGrant


@pytest.fixture
def folder(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "objects")


@pytest.mark.parametrize(
    "key",
    [
        "../a",
        "/etc/passwd",
        "rosbags/../../a",
        "rosbags//a",
        "a\\b",
        "a\0b",
        "",
        ".",
        ".uploads/x/key",
    ],
)
def test_keys_outside_the_folder_are_refused(folder: FolderStore, key: str) -> None:
    with pytest.raises(ValueError, match="not the key"):
        folder.put(key, io.BytesIO(b"x"))
    with pytest.raises(ValueError, match="not the key"):
        folder.open(key)
    with pytest.raises(ValueError, match="not the key"):
        folder.delete([key])
    with pytest.raises(ValueError, match="not the key"):
        folder.start_upload(key)


def test_link_out_of_the_folder_is_refused(folder: FolderStore, tmp_path: Path) -> None:
    folder.check()
    (tmp_path / "secret").write_text("secret")
    (folder.root / "link").symlink_to(tmp_path)
    with pytest.raises(ValueError, match="not the key"):
        folder.open("link/secret")


def test_an_upload_without_parts_is_not_found(folder: FolderStore) -> None:
    with pytest.raises(FileNotFoundError):
        folder.list_parts("rosbags/1/a", folder.name_upload())


@pytest.mark.parametrize("upload_id", ["..", "../../etc", "", "*"])
def test_what_is_no_id_of_an_upload_is_not_found(folder: FolderStore, upload_id: str) -> None:
    with pytest.raises(FileNotFoundError):
        folder.list_parts("rosbags/1/a", upload_id)
    with pytest.raises(FileNotFoundError):
        folder.write_part(PartGrant("rosbags/1/a", upload_id, 1), [b"x"])


def test_an_upload_serves_only_its_own_key(folder: FolderStore) -> None:
    upload = folder.start_upload("rosbags/1/a")
    with pytest.raises(FileNotFoundError):
        folder.list_parts("rosbags/2/a", upload)


def test_full_disk_is_an_error_and_leaves_nothing(
    folder: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    upload = folder.start_upload("rosbags/1/a")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="full"):
        folder.put("rosbags/1/a", io.BytesIO(b"x"))
    with pytest.raises(StoreError, match="full"):
        folder.write_part(PartGrant("rosbags/1/a", upload, 1), [b"x"])
    monkeypatch.undo()
    assert list(folder.list("")) == []
    assert folder.list_parts("rosbags/1/a", upload) == []
    assert list(folder.scratch.iterdir()) == []


def test_temporary_files_are_removed_after_a_day(folder: FolderStore) -> None:
    folder.put("rosbags/1/a", io.BytesIO(b"x"))
    old, new = folder.scratch / "old", folder.scratch / "new"
    for path in (old, new):
        path.write_bytes(b"half")
    past = old.stat().st_mtime - STALE_SECONDS - 1
    os.utime(old, (past, past))
    folder.check()
    assert sorted(path.name for path in folder.scratch.iterdir()) == ["new"]


def test_finishing_again_after_a_kill_removes_the_parts(
    folder: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "rosbags/1/a"
    upload = folder.start_upload(key)
    folder.write_part(PartGrant(key, upload, 1), [b"all"])
    parts = folder.list_parts(key, upload)

    def killed(_self: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("storage.objects.parts.PartFolder.remove", killed)
        with pytest.raises(KeyboardInterrupt):
            folder.finish_upload(key, upload, parts)
    folder.finish_upload(key, upload, parts)
    with folder.open(key) as file:
        assert file.read() == b"all"
    assert not (folder.root / ".uploads" / upload).exists()


def test_empty_folders_are_removed(folder: FolderStore) -> None:
    folder.put("rosbags/1/sub/a", io.BytesIO(b"x"))
    folder.delete(["rosbags/1/sub/a"])
    assert not (folder.root / "rosbags").exists()
