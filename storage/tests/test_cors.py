"""Pages of other origins read signed addresses: of the folder store, and of S3 by a rule of its bucket."""

import io
from typing import Any

import httpx
import pytest
from django.test import Client

from storage.objects import object_store
from storage.objects.s3 import S3Store

KEY = "rosbags/1/drive_0.mcap"
BODY = bytes(range(256)) * 40
VIEWER = "https://app.foxglove.dev"


@pytest.fixture
def address(settings: Any) -> str:
    settings.CORS_ALLOWED_ORIGINS = [VIEWER]
    object_store().put(KEY, io.BytesIO(BODY))
    return object_store().sign_download(KEY, audience="browser")


def test_an_allowed_page_reads_a_range(client: Client, address: str) -> None:
    answer = client.get(address, headers={"Origin": VIEWER, "Range": "bytes=10-19"})
    assert (answer.status_code, b"".join(answer)) == (206, BODY[10:20])
    assert answer["Access-Control-Allow-Origin"] == VIEWER
    assert "origin" in answer["Vary"]
    exposed = answer["Access-Control-Expose-Headers"].split(", ")
    for header in ("Content-Range", "ETag", "Accept-Ranges"):
        assert header in exposed
        assert answer[header]
    assert "Access-Control-Allow-Credentials" not in answer


def test_head_has_size_and_ranges(client: Client, address: str) -> None:
    answer = client.head(address, headers={"Origin": VIEWER})
    assert (answer.status_code, answer["Content-Length"]) == (200, str(len(BODY)))
    assert (answer["Accept-Ranges"], answer["Access-Control-Allow-Origin"]) == ("bytes", VIEWER)
    assert answer.content == b""


def test_preflight_request(client: Client, address: str) -> None:
    headers = {"Origin": VIEWER, "Access-Control-Request-Method": "GET"}
    answer = client.options(address, headers={**headers, "Access-Control-Request-Headers": "range"})
    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == VIEWER
    assert answer["Access-Control-Allow-Methods"] == "GET, HEAD"  # a page may not write
    assert "Range" in answer["Access-Control-Allow-Headers"]


def test_other_origins_and_settings(client: Client, address: str, settings: Any) -> None:
    answer = client.get(address, headers={"Origin": "https://else.example"})
    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer
    settings.CORS_ALLOWED_ORIGINS = []
    assert "Access-Control-Allow-Origin" not in client.get(address, headers={"Origin": VIEWER})
    settings.CORS_ALLOW_ALL_ORIGINS = True
    answer = client.get(address, headers={"Origin": VIEWER})
    assert answer["Access-Control-Allow-Origin"] == "*"


def test_expired_address_has_cors_headers(client: Client, address: str) -> None:
    answer = client.get(f"{address}x", headers={"Origin": VIEWER})
    assert (answer.status_code, answer.json()["code"]) == (403, "LINK_EXPIRED")
    assert answer["Access-Control-Allow-Origin"] == VIEWER


def test_download_resumes_only_for_the_same_object(client: Client, address: str) -> None:
    etag = client.head(address)["ETag"]
    again = {"Range": "bytes=10-", "If-Range": etag}
    assert client.get(address, headers=again).status_code == 206
    object_store().put(KEY, io.BytesIO(BODY * 2))
    assert client.get(address, headers=again).status_code == 200


def test_s3_allows_a_configured_origin(s3_settings: Any) -> None:
    s3_settings.CORS_ALLOWED_ORIGINS = [VIEWER]
    object_store().put(KEY, io.BytesIO(BODY))
    address = object_store().sign_download(KEY, audience="browser")
    answer = httpx.get(address, headers={"Origin": VIEWER, "Range": "bytes=10-19"})
    assert (answer.status_code, answer.content) == (206, BODY[10:20])
    assert answer.headers["Access-Control-Allow-Origin"] in (VIEWER, "*")


def test_other_cors_rules_are_kept(s3_settings: Any) -> None:
    object_store().check()
    store: Any = object_store()
    theirs = {"ID": "theirs", "AllowedOrigins": ["https://a.example"], "AllowedMethods": ["PUT"]}
    rules = {"CORSRules": [theirs]}
    s3_settings.CORS_ALLOWED_ORIGINS = [VIEWER]
    try:
        store._client.put_bucket_cors(Bucket=store.bucket, CORSConfiguration=rules)
    except store._client.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "NotImplemented":
            raise
        store.check()  # MinIO has none for a bucket and answers any origin: that is no trouble
        return
    for _twice in range(2):
        store.check()
        rules = store._client.get_bucket_cors(Bucket=store.bucket)["CORSRules"]
        assert [rule["AllowedOrigins"] for rule in rules] == [["https://a.example"], [VIEWER]]


def test_server_without_bucket_cors_is_no_error(
    s3_settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3_settings.CORS_ALLOWED_ORIGINS = [VIEWER]
    store = object_store()
    assert isinstance(store, S3Store)

    def refused(**_kwargs: Any) -> None:
        raise store._client.exceptions.ClientError(
            {"Error": {"Code": "NotImplemented"}}, "PutBucketCors"
        )

    monkeypatch.setattr(store._client, "put_bucket_cors", refused)
    store.put(KEY, io.BytesIO(BODY))
    assert store.stat(KEY) is not None
