"""The same content at the same time is one rosbag."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from storage.choices import Origin, Status
from storage.models import Rosbag
from storage.objects import object_store
from storage.services.intake import imports
from storage.services.rosbags import deduplication
from storage.tests.conftest import MakeBag


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite writes one after another")
@pytest.mark.django_db(transaction=True)
def test_concurrent_imports_make_one_rosbag(
    make_bag: MakeBag, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_bag()
    barrier, verify_unless_duplicate = Barrier(4, timeout=30), deduplication.verify_unless_duplicate

    def together(*args: Any, **kwargs: Any) -> bool:
        assert deduplication.find_same_content(args[1]) is None
        barrier.wait()  # all have looked before the first writes
        return verify_unless_duplicate(*args, **kwargs)

    def load(_number: int) -> int:
        try:
            return imports.import_folder(Path(folder)).pk
        finally:
            connection.close()

    monkeypatch.setattr(imports, "verify_unless_duplicate", together)
    with ThreadPoolExecutor(4) as pool:
        ids = set(pool.map(load, range(4)))
    rosbag = Rosbag.objects.get()
    assert ids == {rosbag.pk}
    keys = {item.key for item in object_store().list("rosbags/")}
    assert keys == set(rosbag.files.values_list("key", flat=True))


def uploading(**fields: Any) -> Rosbag:
    return Rosbag.objects.create(name="bag", status=Status.UPLOADING, **fields)


@pytest.mark.parametrize("change", [{"status": "rejected"}, {"deleted_at": "2026-01-01T00:00Z"}])
def test_unusable_rosbag_loses_its_claim(db: None, change: dict[str, Any]) -> None:
    first, second = uploading(), uploading()
    assert deduplication.verify_unless_duplicate(first, "d" * 64)
    with pytest.raises(deduplication.SameContentError) as caught:
        deduplication.verify_unless_duplicate(second, "d" * 64)
    assert caught.value.existing == first
    Rosbag.objects.filter(pk=first.pk).update(**change)
    assert deduplication.verify_unless_duplicate(second, "d" * 64)
    assert Rosbag.objects.get(claimed_digest="d" * 64) == second


def test_two_runs_may_record_the_same(db: None) -> None:
    for _ in range(2):
        assert deduplication.verify_unless_duplicate(uploading(origin=Origin.RECORDED), "d" * 64)
    assert deduplication.verify_unless_duplicate(uploading(), "d" * 64)
    assert Rosbag.objects.filter(status=Status.VERIFYING).count() == 3


def test_unknown_contents_are_not_the_same(db: None) -> None:
    assert deduplication.verify_unless_duplicate(uploading(), "")
    assert deduplication.verify_unless_duplicate(uploading(), "")


def test_aborted_upload_is_not_verified(db: None) -> None:
    rosbag = uploading(deleted_at=timezone.now())
    assert not deduplication.verify_unless_duplicate(rosbag, "d" * 64)
    rosbag.refresh_from_db()
    assert rosbag.status == Status.UPLOADING
