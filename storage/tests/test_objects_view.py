"""Signed addresses of the folder store, as units and browsers use them."""

import io
import time
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core import signing
from django.test import Client
from django.test.client import AsyncClient

from storage.api import streams
from storage.choices import Origin
from storage.models import Rosbag
from storage.objects import object_store
from storage.objects.grants import PATH
from storage.services.intake import abandoning, uploads
from storage.services.intake.parts import FilePlan

KEY = "rosbags/1/metadata.yaml"
BODY = bytes(range(256)) * 40


@pytest.fixture
def address() -> str:
    object_store().put(KEY, io.BytesIO(BODY))
    return object_store().sign_download(KEY, audience="unit", filename="Daten ü.yaml")


def test_complete_file(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 200
    assert b"".join(answer) == BODY
    assert answer["Content-Length"] == str(len(BODY))
    assert answer["Accept-Ranges"] == "bytes"
    assert answer["Content-Disposition"] == "attachment; filename*=utf-8''Daten%20%C3%BC.yaml"


@pytest.mark.parametrize(
    ("header", "first", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=10000-", 10000, 10240),
        ("bytes=-5", 10235, 10240),
        ("bytes=-99999", 0, 10240),
        ("bytes=10239-99999", 10239, 10240),
    ],
)
def test_a_range(client: Client, address: str, header: str, first: int, stop: int) -> None:
    answer = client.get(address, headers={"Range": header})
    assert answer.status_code == 206
    assert b"".join(answer) == BODY[first:stop]
    assert answer["Content-Range"] == f"bytes {first}-{stop - 1}/10240"
    assert answer["Content-Length"] == str(stop - first)


@pytest.mark.parametrize(
    "header", ["bytes=5-2", "bytes=a-b", "lines=1-2", "bytes=0-1,5-6", "bytes=-"]
)
def test_invalid_range_is_ignored(client: Client, address: str, header: str) -> None:
    answer = client.get(address, headers={"Range": header})
    assert answer.status_code == 200
    assert b"".join(answer) == BODY


@pytest.mark.parametrize("header", ["bytes=10240-", "bytes=99999-100000", "bytes=-0"])
def test_range_after_the_end(client: Client, address: str, header: str) -> None:
    answer = client.get(address, headers={"Range": header})
    assert answer.status_code == 416
    assert answer["Content-Range"] == "bytes */10240"


def test_if_range_with_another_etag_sends_the_file(client: Client, address: str) -> None:
    answer = client.get(address, headers={"Range": "bytes=10-", "If-Range": '"etag"'})
    assert answer.status_code == 200


def test_asgi_streams_in_chunks(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def download() -> list[bytes]:
        answer: Any = await AsyncClient().get(address, headers={"Range": "bytes=1-"})
        assert answer.is_async
        return [chunk async for chunk in answer]

    monkeypatch.setattr(streams, "CHUNK", 1000)
    chunks = async_to_sync(download)()
    assert b"".join(chunks) == BODY[1:]
    assert max(map(len, chunks)) <= 1000


def test_an_altered_token_is_refused(client: Client, address: str) -> None:
    answer = client.get(address[:-3] + "AAA")
    assert answer.status_code == 403
    assert answer.json()["code"] == "LINK_EXPIRED"
    assert client.get(PATH + signing.dumps({"key": KEY})).status_code == 403


def test_an_old_token_is_refused(
    client: Client, address: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr(
        "django.core.signing.time.time", lambda: now + settings.SIGNED_URL_SECONDS + 1
    )
    assert client.get(address).status_code == 403


def test_deleted_file_is_not_found(client: Client, address: str) -> None:
    object_store().delete([KEY])
    answer = client.get(address)
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


@pytest.fixture
def plan(db: None, settings: Any) -> FilePlan:
    settings.UPLOAD_PART_BYTES = 100
    file = uploads.NewFile("a.db3", 150, "0" * 64)
    rosbag = uploads.begin("bag", [file], origin=Origin.RECORDED)
    return uploads.sign_part_urls(rosbag, audience="unit")[0]


def put(client: Client, url: str, body: bytes, **headers: str) -> Any:
    return client.put(url, body, content_type="application/octet-stream", headers=headers)


def test_part_is_stored_and_its_etag_returned(client: Client, plan: FilePlan) -> None:
    answer = put(client, plan.parts[0].url, b"a" * 100)
    assert answer.status_code == 200
    stored = object_store().list_parts(f"rosbags/{Rosbag.objects.get().pk}/a.db3", plan.upload_id)
    assert [(part.number, part.etag) for part in stored] == [(1, answer["ETag"])]


def test_a_part_by_an_altered_or_old_token_is_refused(
    client: Client, plan: FilePlan, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = plan.parts[0].url
    assert put(client, url[:-3] + "AAA", b"a" * 100).status_code == 403
    now = time.time()
    monkeypatch.setattr(
        "django.core.signing.time.time", lambda: now + settings.SIGNED_URL_SECONDS + 1
    )
    assert put(client, url, b"a" * 100).status_code == 403
    key = f"rosbags/{Rosbag.objects.get().pk}/a.db3"
    assert object_store().list_parts(key, plan.upload_id) == []


def test_part_may_exceed_the_memory_limit_of_forms(
    client: Client, plan: FilePlan, settings: Any
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    assert put(client, plan.parts[0].url, b"a" * 100).status_code == 200


@pytest.mark.parametrize("body", [b"", b"a" * 99, b"a" * 101])
def test_a_part_of_another_size_is_refused(client: Client, plan: FilePlan, body: bytes) -> None:
    answer = put(client, plan.parts[0].url, body)
    assert answer.status_code == 400
    assert answer.json()["code"] == "PART_INVALID"


def test_truncated_part_is_not_stored(client: Client, plan: FilePlan) -> None:
    short: Any = {"wsgi.input": io.BytesIO(b"a" * 20)}
    answer = client.generic("PUT", plan.parts[1].url, b"a" * 50, **short)
    assert answer.status_code == 400
    key = f"rosbags/{Rosbag.objects.get().pk}/a.db3"
    assert object_store().list_parts(key, plan.upload_id) == []


def test_a_part_of_an_upload_that_has_ended(client: Client, plan: FilePlan) -> None:
    abandoning.abandon(Rosbag.objects.get())
    assert put(client, plan.parts[0].url, b"a" * 100).status_code == 404


def test_addresses_serve_one_purpose(client: Client, plan: FilePlan, address: str) -> None:
    assert client.get(plan.parts[0].url).status_code == 403
    assert put(client, address, b"x").status_code == 403


def test_folder_addresses_are_refused_with_s3(
    client: Client, address: str, s3_settings: Any
) -> None:
    assert client.get(address).status_code == 404
