"""The servers of the tests."""

import io
import os
from pathlib import Path
from typing import Any

import pytest
import urllib3
from django.core.cache import cache
from django.db import connection

from storage.objects import object_store
from tests.support.minio import s3_server
from tests.support.services import SERVICES, on_sqlite, storage


@pytest.mark.django_db
def test_the_database_is_the_configured_one() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
    assert connection.vendor == ("sqlite" if on_sqlite() else "postgresql")


@pytest.mark.parametrize("round_", [1, 2])
def test_redis_is_empty_for_each_test(empty_redis: None, round_: int) -> None:
    assert cache.get("left-over") is None
    cache.set("left-over", round_)
    assert cache.get("left-over") == round_


def test_data_stays_in_the_private_folder() -> None:
    assert os.environ["DATA_DIR"].startswith(str(SERVICES.folder))


def test_the_storage_is_the_configured_one(s3_settings: Any) -> None:
    answer = urllib3.request("GET", f"http://{s3_settings.MINIO_ENDPOINT}/")
    assert storage() in answer.headers["Server"].lower()


def test_a_storage_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="seaweedfs, minio"):
        s3_server("floppy", tmp_path)


def test_s3_has_a_new_bucket(s3_settings: Any) -> None:
    store = object_store()
    store.put("a/b", io.BytesIO(b"content"))
    with store.open("a/b") as file:
        assert file.read() == b"content"
    assert [each.key for each in store.list("")] == ["a/b"]
