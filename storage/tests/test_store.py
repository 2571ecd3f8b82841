"""The object store interface, with folder and S3."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from storage.objects.base import ObjectStore, PartsDifferError, UploadedPart
from storage.objects.folder import FolderStore
from storage.objects.grants import PartGrant, parse_token

FIRST = b"a" * (5 * 2**20)
REST = b"the rest"


def send(store: ObjectStore, address: str, body: bytes) -> str:
    """PUT a part as a unit does; the folder's view is tested on its own."""
    if isinstance(store, FolderStore):
        grant = parse_token(address.rpartition("/")[2])
        assert isinstance(grant, PartGrant)
        return store.write_part(grant, iter([body]))
    answer = urllib3.request("PUT", address, body=body)
    assert answer.status == 200, answer.data
    return answer.headers["ETag"]


def test_put_and_read_an_object(store: ObjectStore, tmp_path: Path) -> None:
    store.put("rosbags/1/sub/metadata.yaml", io.BytesIO(b"0123456789"))
    with store.open("rosbags/1/sub/metadata.yaml") as file:
        assert file.read(2) == b"01"
        file.seek(8)
        assert file.read() == b"89"
    store.fetch("rosbags/1/sub/metadata.yaml", tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").read_bytes() == b"0123456789"
    stored = store.stat("rosbags/1/sub/metadata.yaml")
    assert stored is not None
    assert (stored.key, stored.size) == ("rosbags/1/sub/metadata.yaml", 10)


def test_an_object_put_again_is_replaced(store: ObjectStore) -> None:
    store.put("rosbags/1/a", io.BytesIO(b"old"))
    store.put("rosbags/1/a", io.BytesIO(b"new one"))
    with store.open("rosbags/1/a") as file:
        assert file.read() == b"new one"


def test_missing_object(store: ObjectStore, tmp_path: Path) -> None:
    assert store.stat("rosbags/1/none") is None
    with pytest.raises(FileNotFoundError):
        store.open("rosbags/1/none")
    with pytest.raises(FileNotFoundError):
        store.fetch("rosbags/1/none", tmp_path / "none")
    store.delete(["rosbags/1/none"])


def test_a_listing_is_sorted_and_by_prefix(store: ObjectStore) -> None:
    keys = ["rosbags/2/b", "rosbags/2/a", "rosbags/10/a", "rosbags/2/c/d"]
    for key in keys:
        store.put(key, io.BytesIO(key.encode()))
    assert [stored.key for stored in store.list("rosbags/")] == sorted(keys)
    assert [stored.key for stored in store.list("rosbags/2/")] == sorted(keys)[1:]
    store.delete(keys[:2])
    assert [stored.key for stored in store.list("rosbags/2/")] == ["rosbags/2/c/d"]
    assert list(store.list("rosbags/3/")) == []


def test_failing_source_leaves_nothing(store: ObjectStore) -> None:
    class Failing:
        def __init__(self) -> None:
            self.chunks: Iterator[bytes] = iter([b"first"])

        def read(self, size: int = -1) -> bytes:
            for chunk in self.chunks:
                return chunk
            raise ValueError("the reader broke")

    source: Any = Failing()
    with pytest.raises(ValueError, match="broke"):
        store.put("rosbags/1/a", source)
    assert list(store.list("rosbags/")) == []


def test_an_upload_in_parts(store: ObjectStore) -> None:
    key = "rosbags/1/a.db3"
    upload = store.start_upload(key)
    assert list(store.list_parts(key, upload)) == []
    etags = {
        number: send(store, store.sign_part(key, upload, number, audience="unit"), body)
        for number, body in ((2, REST), (1, FIRST))
    }
    assert {part.number: part.etag for part in store.list_parts(key, upload)} == etags
    assert store.stat(key) is None
    parts = [UploadedPart(number, etag) for number, etag in etags.items()]
    store.finish_upload(key, upload, parts)
    with store.open(key) as file:
        assert hashlib.file_digest(file, "sha256").digest() == hashlib.sha256(FIRST + REST).digest()
    store.finish_upload(key, upload, parts)
    with pytest.raises(FileNotFoundError):
        store.list_parts(key, upload)


def test_a_part_sent_again_counts_once(store: ObjectStore) -> None:
    key = "rosbags/1/a.db3"
    upload = store.start_upload(key)
    address = store.sign_part(key, upload, 1, audience="unit")
    send(store, address, b"first try")
    etag = send(store, address, b"second")
    assert [part.number for part in store.list_parts(key, upload)] == [1]
    store.finish_upload(key, upload, [UploadedPart(1, etag)])
    with store.open(key) as file:
        assert file.read() == b"second"


def test_parts_that_are_not_stored_are_refused(store: ObjectStore) -> None:
    key = "rosbags/1/a.db3"
    upload = store.start_upload(key)
    send(store, store.sign_part(key, upload, 1, audience="unit"), REST)
    other = f'"{hashlib.sha256(b"other").hexdigest()}"'
    with pytest.raises(PartsDifferError):
        store.finish_upload(key, upload, [UploadedPart(1, other)])
    assert store.stat(key) is None


def test_an_aborted_upload_is_forgotten(store: ObjectStore) -> None:
    key = "rosbags/1/a.db3"
    upload = store.start_upload(key)
    send(store, store.sign_part(key, upload, 1, audience="unit"), REST)
    store.abort_upload(key, upload)
    store.abort_upload(key, upload)
    with pytest.raises(FileNotFoundError):
        store.list_parts(key, upload)
    with pytest.raises(FileNotFoundError):
        store.finish_upload(key, upload, [UploadedPart(1, '"etag"')])


def test_check_creates_bucket_or_folder(store: ObjectStore) -> None:
    store.check()
    assert list(store.list("")) == []
