"""`manage.py check_storage`: the database against the storage."""

import io
import json
import os
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from storage.choices import Origin, Status
from storage.models import Rosbag, RosbagFile
from storage.objects import object_store
from storage.objects.base import ObjectStore
from storage.services.intake import imports, uploads
from storage.services.maintenance import integrity
from storage.tests.conftest import MakeBag

pytestmark = pytest.mark.django_db


def check_storage(*options: str) -> tuple[int, dict[str, Any]]:
    out = StringIO()
    code = 0
    try:
        call_command("check_storage", "--json", *options, stdout=out)
    except SystemExit as stop:
        code = int(stop.code or 0)
    return code, json.loads(out.getvalue())


def test_consistent_storage(store: ObjectStore, make_bag: MakeBag) -> None:
    imports.import_folder(make_bag())
    result = {"missing": [], "wrong_size": [], "orphaned": [], "removed": []}
    assert check_storage() == (0, result)


def test_missing_and_truncated_files_are_reported(store: ObjectStore, make_bag: MakeBag) -> None:
    rosbag = imports.import_folder(make_bag())
    data, metadata = rosbag.files.order_by("path")
    store.delete([data.key])
    store.put(metadata.key, io.BytesIO(b"cut"))
    code, result = check_storage("--repair")
    assert code == 1
    assert [(mismatch["key"], mismatch["size"]) for mismatch in result["missing"]] == [
        (data.key, data.size)
    ]
    assert [(mismatch["key"], mismatch["found"]) for mismatch in result["wrong_size"]] == [
        (metadata.key, 3)
    ]
    assert result["removed"] == []
    assert RosbagFile.objects.count() == 2


def test_orphans_are_reported_and_recent_ones_kept(store: ObjectStore) -> None:
    store.put("rosbags/77/a.db3", io.BytesIO(b"x"))
    store.put("rosbags/odd", io.BytesIO(b"x"))
    code, result = check_storage("--repair")
    assert code == 0
    assert [stored["key"] for stored in result["orphaned"]] == ["rosbags/77/a.db3", "rosbags/odd"]
    assert result["removed"] == []
    report = integrity.check()
    assert integrity.repair(report, older_than=timedelta(seconds=-60)) == [
        "rosbags/77/a.db3",
        "rosbags/odd",
    ]
    assert list(store.list("rosbags/")) == []


def test_old_orphans_are_removed(settings: Any) -> None:
    object_store().put("rosbags/77/a.db3", io.BytesIO(b"x"))
    past = (timezone.now() - timedelta(days=1, minutes=1)).timestamp()
    os.utime(settings.STORAGE_DIR / "rosbags/77/a.db3", (past, past))
    assert check_storage("--repair")[1]["removed"] == ["rosbags/77/a.db3"]
    assert check_storage()[1]["orphaned"] == []


def test_object_with_a_new_row_is_kept(make_bag: MakeBag) -> None:
    object_store().put("rosbags/77/a.db3", io.BytesIO(b"x"))
    report = integrity.check()
    rosbag = Rosbag.objects.create(pk=77, name="late", status=Status.READY)
    RosbagFile.objects.create(rosbag=rosbag, path="a.db3", size=1, key="rosbags/77/a.db3")
    assert integrity.repair(report, older_than=timedelta(seconds=-60)) == []


def test_uploads_in_progress_are_ignored(store: ObjectStore) -> None:
    files = [uploads.NewFile("a.db3", 10, "0" * 64), uploads.NewFile("b.db3", 10, "0" * 64)]
    rosbag = uploads.begin("bag", files, origin=Origin.RECORDED)
    store.put(f"rosbags/{rosbag.pk}/a.db3", io.BytesIO(b"half"))
    store.put(f"rosbags/{rosbag.pk}/no-row-yet", io.BytesIO(b"x"))
    code, result = check_storage("--repair")
    assert (code, result["missing"], result["wrong_size"], result["orphaned"]) == (0, [], [], [])


def test_query_count_of_the_check(make_bag: MakeBag, django_assert_max_num_queries: Any) -> None:
    for number in range(5):
        imports.import_folder(make_bag(f"bag{number}", messages=number))
    with django_assert_max_num_queries(3):
        assert integrity.check().healthy


def test_output_as_text(make_bag: MakeBag) -> None:
    object_store().put("rosbags/77/a.db3", io.BytesIO(b"x"))
    out = StringIO()
    call_command("check_storage", stdout=out)
    assert out.getvalue().splitlines() == [
        "orphaned: rosbags/77/a.db3",
        "0 missing, 0 of wrong size, 1 orphaned, 0 removed",
    ]
