"""Contents of a rosbag over HTTP, with folder and S3: files, ranges, archives, topics."""

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.http import StreamingHttpResponse
from django.test.client import AsyncClient
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from storage.api import streams
from storage.choices import Status
from storage.models import Rosbag, RosbagTopic
from storage.objects.base import ObjectStore
from storage.services.intake import imports
from storage.services.rosbags import downloads
from storage.tests.conftest import MakeBag
from tests.support.bags import stored_bag

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer() -> APIClient:
    client = APIClient()
    client.force_authenticate(User.objects.create(email="v@example.org", role=Role.VIEWER))
    return client


@pytest.fixture
def folder(make_bag: MakeBag) -> Path:
    folder = make_bag("course 1")
    (folder / "notes").mkdir()
    (folder / "notes" / "día.db3").write_bytes(bytes(range(256)) * 40)
    (folder / "notes" / "empty.db3").touch()
    return folder


@pytest.fixture
def url(store: ObjectStore, folder: Path) -> str:
    rosbag = stored_bag(folder)
    return f"/api/v1/rosbags/{rosbag.pk}"


def body_of(answer: Any) -> bytes:
    return b"".join(answer) if answer.streaming else bytes(answer.content)


def test_complete_file_and_its_head(viewer: APIClient, url: str, folder: Path) -> None:
    for path in ("metadata.yaml", "notes/día.db3", "notes/empty.db3"):
        body = (folder / path).read_bytes()
        etag = f'"{hashlib.sha256(body).hexdigest()}"'
        for method in (viewer.get, viewer.head):
            answer = method(f"{url}/files/{path}", headers={"Accept": "text/plain"})
            assert (answer.status_code, answer["ETag"]) == (200, etag)
            assert answer["Content-Length"] == str(len(body))
            assert answer["Accept-Ranges"] == "bytes"
            assert answer["Content-Type"] == "application/octet-stream"
            assert body_of(answer) == (body if method == viewer.get else b"")
        assert viewer.get(f"{url}/files/{path}", headers={"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize(
    ("header", "first", "stop"),
    [("bytes=0-0", 0, 1), ("bytes=10000-", 10000, 10240), ("bytes=-5", 10235, 10240)],
)
def test_a_range(viewer: APIClient, url: str, header: str, first: int, stop: int) -> None:
    answer = viewer.get(f"{url}/files/notes/día.db3", headers={"Range": header})
    assert answer.status_code == 206
    assert body_of(answer) == (bytes(range(256)) * 40)[first:stop]
    assert answer["Content-Range"] == f"bytes {first}-{stop - 1}/10240"
    assert answer["Content-Length"] == str(stop - first)


def test_unsatisfiable_range(viewer: APIClient, url: str) -> None:
    answer = viewer.get(f"{url}/files/notes/día.db3", headers={"Range": "bytes=10240-"})
    assert (answer.status_code, answer["Content-Range"]) == (416, "bytes */10240")
    assert json.loads(answer.content)["code"] == "RANGE_NOT_SATISFIABLE"
    assert (
        viewer.get(f"{url}/files/notes/empty.db3", headers={"Range": "bytes=0-"}).status_code == 416
    )


def test_download_resumes_only_for_the_same_file(viewer: APIClient, url: str) -> None:
    address = f"{url}/files/notes/día.db3"
    etag = viewer.head(address)["ETag"]
    headers = {"Range": "bytes=10-", "If-Range": etag}
    assert viewer.get(address, headers=headers).status_code == 206
    for other in ('"other"', f"W/{etag}", "Wed, 21 Oct 2026 07:28:00 GMT"):
        answer = viewer.get(address, headers={**headers, "If-Range": other})
        assert (answer.status_code, len(body_of(answer))) == (200, 10240)
    assert viewer.get(address, headers={"If-Match": '"other"'}).status_code == 412


@pytest.mark.parametrize(
    "path", ["none", "../metadata.yaml", "a%00b", "%2e%2e/x", "/etc/passwd", "a%5Cb", "x" * 900]
)
def test_missing_files_are_not_found(viewer: APIClient, url: str, path: str) -> None:
    assert viewer.get(f"{url}/files/{path}").status_code == 404


def test_missing_objects_are_not_found(viewer: APIClient, url: str, store: ObjectStore) -> None:
    store.delete([stored.key for stored in store.list("rosbags/")])
    for address in (f"{url}/files/metadata.yaml", f"{url}/archive"):
        answer = viewer.get(address)
        assert (answer.status_code, answer.json()["code"]) == (404, "OBJECT_NOT_FOUND")


def test_archive_contains_the_folder(viewer: APIClient, url: str, folder: Path) -> None:
    answer = viewer.get(f"{url}/archive", headers={"Accept": "application/zip"})
    assert answer.status_code == 200
    assert isinstance(answer, StreamingHttpResponse)
    body = body_of(answer)
    assert answer["Content-Length"] == str(len(body))
    assert answer["Content-Disposition"] == 'attachment; filename="course_1.zip"'
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        stored = {item.filename: archive.read(item) for item in archive.infolist()}
        packed = {item.compress_type for item in archive.infolist()}
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert stored == {
        f"course_1/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in files
    }
    assert packed == {zipfile.ZIP_STORED}
    assert viewer.head(f"{url}/archive")["Content-Length"] == str(len(body))
    headers = {"If-None-Match": answer["ETag"]}
    assert viewer.get(f"{url}/archive", headers=headers).status_code == 304


def test_asgi_streams_in_chunks(
    url: str, folder: Path, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = User.objects.create(email="o@example.org", role=Role.VIEWER)

    async def download(address: str) -> list[bytes]:
        client = AsyncClient()
        await client.aforce_login(user)
        answer: Any = await client.get(address)
        assert (answer.status_code, answer.is_async) == (200, True)
        return [chunk async for chunk in answer]

    monkeypatch.setattr(streams, "CHUNK", 1000)
    monkeypatch.setattr(downloads, "CHUNK", 1000)
    chunks = async_to_sync(download)(f"{url}/files/metadata.yaml")
    assert b"".join(chunks) == (folder / "metadata.yaml").read_bytes()
    assert max(map(len, chunks)) <= 1000
    chunks = async_to_sync(download)(f"{url}/archive")
    assert max(map(len, chunks)) <= 1000
    with zipfile.ZipFile(io.BytesIO(b"".join(chunks))) as archive:
        assert archive.testzip() is None


def test_an_archive_beyond_four_gigabytes(
    tmp_path: Path, make_bag: MakeBag, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 2**32 + 5
    rosbag = imports.import_folder(make_bag())
    file = rosbag.files.get(path="metadata.yaml")
    rosbag.files.exclude(pk=file.pk).delete()
    stored = Path(downloads.object_store().root / file.key)  # type: ignore[attr-defined]
    with stored.open("r+b") as sparse:
        sparse.truncate(size)
    rosbag.files.update(size=size)
    monkeypatch.setattr(downloads, "CHUNK", 1 << 24)
    archive = downloads.archive(rosbag)
    target = tmp_path / "big.zip"
    zeros = bytes(1 << 24)
    with target.open("wb") as out:
        for chunk in archive.chunks:
            if chunk == zeros:
                out.seek(len(chunk), io.SEEK_CUR)  # holes again, so that the disk stays empty
            else:
                out.write(chunk)
    assert target.stat().st_size == archive.size
    with zipfile.ZipFile(target) as opened:
        [info] = opened.infolist()
        assert (info.file_size, info.filename) == (size, "bag/metadata.yaml")
        with opened.open(info) as inner:
            assert inner.read(100) == stored.open("rb").read(100)
    target.unlink()
    stored.unlink()


def test_rosbag_being_uploaded_has_no_contents(viewer: APIClient, url: str) -> None:
    Rosbag.objects.update(status=Status.UPLOADING)
    for address in (f"{url}/files/metadata.yaml", f"{url}/archive"):
        answer = viewer.get(address)
        assert (answer.status_code, answer.json()["code"]) == (409, "ROSBAG_UPLOADING")


@pytest.mark.parametrize("name", ["../../etc", "a/b\\c", "..", "", "日本", "x" * 200, 'a"b\nc'])
def test_archive_name_is_safe(name: str) -> None:
    folder = downloads.folder_name(Rosbag(pk=7, name=name))
    assert folder.strip(".")
    assert not set(folder) & set('/\\"\n')


def test_topics_are_paginated(
    viewer: APIClient, url: str, django_assert_max_num_queries: Any
) -> None:
    rosbag = Rosbag.objects.get()
    RosbagTopic.objects.bulk_create(
        RosbagTopic(rosbag=rosbag, name=f"/t{number:03}", type="T", message_count=number)
        for number in range(150)
    )
    with django_assert_max_num_queries(3):
        data = viewer.get(url).json()
    assert (data["topic_count"], len(data["topics"])) == (152, 100)
    names: list[str] = []
    address: str | None = f"{url}/topics?page_size=60"
    while address:
        with django_assert_max_num_queries(2):
            page = viewer.get(address).json()
        names += [topic["name"] for topic in page["results"]]
        address = page["next"]
    assert names == sorted(rosbag.topics.values_list("name", flat=True))
    assert len(viewer.get(f"{url}/topics?name=T01").json()["results"]) == 10
    assert [
        topic["name"]
        for topic in viewer.get(f"{url}/topics?type=T&ordering=-message_count").json()["results"]
    ][:2] == ["/t149", "/t148"]


def test_query_count_of_downloads(
    viewer: APIClient, url: str, django_assert_max_num_queries: Any
) -> None:
    for address in ("files", "files/metadata.yaml", "archive"):
        with django_assert_max_num_queries(2):
            assert viewer.get(f"{url}/{address}").status_code == 200
