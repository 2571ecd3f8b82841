"""The S3 store: signed addresses by audience, unreachable endpoints."""

import io
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3

from storage.objects import object_store
from storage.objects.base import StoreError, StoreFullError
from storage.objects.s3 import S3Store


def test_units_and_browsers_get_their_own_host(s3_settings: Any) -> None:
    s3_settings.MINIO_PUBLIC_ENDPOINT = "https://files.example.org"
    store = object_store()
    store.put("rosbags/1/a", io.BytesIO(b"x"))
    unit = urlsplit(store.sign_download("rosbags/1/a", audience="unit"))
    browser = urlsplit(store.sign_download("rosbags/1/a", audience="browser", filename="a.db3"))
    assert unit.netloc == s3_settings.MINIO_ENDPOINT
    assert (browser.scheme, browser.netloc) == ("https", "files.example.org")
    assert browser.path == f"/{s3_settings.MINIO_BUCKET}/rosbags/1/a"
    query = parse_qs(browser.query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Expires"] == [str(s3_settings.SIGNED_URL_SECONDS)]
    assert query["response-content-disposition"] == ['attachment; filename="a.db3"']


def test_a_signed_address_reads_the_object_and_ranges_of_it(s3_settings: Any) -> None:
    store = object_store()
    store.put("rosbags/1/a b+ü.db3", io.BytesIO(b"0123456789"))
    address = store.sign_download("rosbags/1/a b+ü.db3", audience="unit", filename="a b+ü.db3")
    assert urllib3.request("GET", address).data == b"0123456789"
    part = urllib3.request("GET", address, headers={"Range": "bytes=2-3"})
    assert (part.status, part.data) == (206, b"23")
    assert urllib3.request("GET", address.replace("Signature=", "Signature=0")).status == 403


def test_unreachable_endpoint_is_a_store_error(
    s3_settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3_settings.MINIO_ENDPOINT = "127.0.0.1:9"
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    with pytest.raises(StoreError, match="MINIO_ENDPOINT"):
        object_store().put("rosbags/1/a", io.BytesIO(b"x"))


class FullServer(BaseHTTPRequestHandler):
    """Answers as MinIO does when its disks are full: it can be read only."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    def do_POST(self) -> None:
        body = b"<Error><Code>XMinioStorageFull</Code><Message>no space</Message></Error>"
        self.send_response(507)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self) -> None:
        self.do_POST()

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def full_server(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    with ThreadingHTTPServer(("127.0.0.1", 0), FullServer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield S3Store(
            f"127.0.0.1:{server.server_port}",
            f"127.0.0.1:{server.server_port}",
            "robots",
            ("key", "secret-key"),
            use_ssl=False,
        )
        server.shutdown()


def test_a_full_server_is_told_from_one_that_is_away(full_server: S3Store) -> None:
    full_server._has_bucket = True
    with pytest.raises(StoreFullError, match="full"):
        full_server.put("rosbags/1/a", io.BytesIO(b"x"))
    assert isinstance(full_server.find_problem(), StoreFullError)


def test_a_usable_server_has_no_problem_and_no_trace_of_the_question(s3_settings: Any) -> None:
    store = object_store()
    store.check()
    assert store.find_problem() is None
    assert list(store.list("")) == []
    assert store.abort_uploads("") == 0


def test_wrong_keys_are_a_store_error(s3_settings: Any) -> None:
    s3_settings.MINIO_ACCESS_KEY = "nobody"
    with pytest.raises(StoreError, match="refused"):
        object_store().check()
