"""Exports over the API: new rosbags and tables, cancelled, killed, repeated."""

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from mcap.reader import make_reader
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from common.db.leases import MAX_ATTEMPTS
from common.recovery import recover
from rosbag2.reading.reader import BagReader
from rosbag2.writing.sample import START_NS, make_sample
from storage import tasks
from storage.choices import ExportStatus, Origin, Status
from storage.models import Export, Rosbag
from storage.objects import object_store
from storage.objects.base import ObjectStore, StoreError
from storage.services.exports import exporter, exports
from storage.services.exports.exports import ExportOptions
from storage.services.maintenance import integrity
from storage.services.previews import child
from storage.services.rosbags import deletion
from storage.services.verification import verifier
from tests.support.bags import stored_bag

pytestmark = pytest.mark.django_db
SECOND = 10**9


@pytest.fixture
def operator() -> APIClient:
    client = APIClient()
    client.force_authenticate(User.objects.create(email="o@example.org", role=Role.OPERATOR))
    return client


@pytest.fixture
def drive(tmp_path: Path) -> Rosbag:
    make_sample(tmp_path / "drive", seconds=3)
    return stored_bag(tmp_path / "drive")


def request_export(client: APIClient, rosbag: Rosbag, **body: Any) -> dict[str, Any]:
    answer = client.post(f"/api/v1/rosbags/{rosbag.pk}/exports", body)
    assert answer.status_code == 202, answer.json()
    assert answer["Location"].endswith(f"/api/v1/exports/{answer.json()['id']}")
    return dict(answer.json())


def run_export(client: APIClient, export: dict[str, Any]) -> dict[str, Any]:
    """Run the export like the worker, and read its state."""
    tasks.make_export.func(export["id"])
    return dict(client.get(f"/api/v1/exports/{export['id']}").json())


def read(rosbag: Rosbag, folder: Path) -> list[tuple[int, str, bytes]]:
    for file in rosbag.files.all():
        object_store().fetch(file.key, folder / file.path)
    with BagReader(folder) as reader:
        return [message for batch in reader.batches() for message in batch]


@pytest.mark.parametrize("store", ["folder", "s3"], indirect=True)
def test_a_part_as_a_new_rosbag(
    store: ObjectStore, operator: APIClient, drive: Rosbag, tmp_path: Path
) -> None:
    span = {"start": "1s", "end": "2s"}
    export = request_export(
        operator, drive, format="sqlite3", topics=["/odom", "/imu"], name="middle", **span
    )
    assert (export["status"], export["progress"], export["url"]) == ("pending", 0.0, "")
    result = run_export(operator, export)
    assert (result["status"], result["progress"], result["code"]) == ("done", 1.0, "")
    rosbag = Rosbag.objects.get(pk=result["result"])
    assert (rosbag.name, rosbag.origin, rosbag.original) == ("middle", Origin.EXPORTED, drive)
    assert (rosbag.status, rosbag.size) == (Status.VERIFYING, result["size"])
    rosbag = verifier.run(rosbag.pk)
    assert (rosbag.status, rosbag.message_count) == (Status.READY, result["message_count"])
    messages = read(rosbag, tmp_path / "again")
    assert messages[0][0] == START_NS + SECOND
    assert {name for _time, name, _data in messages} == {"/odom", "/imu"}
    assert messages == [
        item
        for item in read(drive, tmp_path / "source")
        if START_NS + SECOND <= item[0] <= START_NS + 2 * SECOND and item[1] != "/scan"
    ]
    assert integrity.check().healthy


@pytest.mark.parametrize("store", ["folder", "s3"], indirect=True)
def test_mcap_export_is_readable_from_its_address(
    store: ObjectStore, operator: APIClient, client: Client, drive: Rosbag
) -> None:
    result = run_export(operator, request_export(operator, drive, format="mcap"))
    rosbag = verifier.run(result["result"])
    assert (rosbag.status, rosbag.storage_id) == (Status.READY, "mcap")
    assert rosbag.message_count == drive.message_count
    body = fetched(client, result["url"])
    summary = make_reader(io.BytesIO(body)).get_summary()
    assert summary is not None
    assert summary.statistics is not None
    assert summary.statistics.message_count == drive.message_count == result["message_count"]
    assert {index.compression for index in summary.chunk_indexes} == {"zstd"}
    schemas = {schema.name: schema for schema in summary.schemas.values()}
    assert schemas["nav_msgs/msg/Odometry"].encoding == "ros2msg"
    assert b"MSG: geometry_msgs/Pose" in schemas["nav_msgs/msg/Odometry"].data
    assert {channel.message_encoding for channel in summary.channels.values()} == {"cdr"}


def fetched(client: Client, url: str) -> bytes:
    if url.startswith("/"):
        return b"".join(client.get(url))
    import httpx  # noqa: PLC0415

    return httpx.get(url).content


def test_a_table_of_fields(operator: APIClient, client: Client, drive: Rosbag) -> None:
    fields = ["pose.pose.position.x", "header.frame_id"]
    result = run_export(
        operator,
        request_export(operator, drive, format="csv", topics=["/odom"], fields=fields, end="1s"),
    )
    assert (result["status"], result["result"], result["message_count"]) == ("done", None, 21)
    body = fetched(client, result["url"])
    assert body.count(b"\r\n") == 22
    rows = list(csv.reader(io.StringIO(body.decode(), newline="")))
    assert rows[0] == ["time_ns", "time", "topic", *fields]
    assert rows[1] == [str(START_NS), "2023-11-14T22:13:20.000000000Z", "/odom", "0.0", "odom"]
    assert integrity.check().orphaned == []
    assert operator.delete(f"/api/v1/exports/{result['id']}").status_code == 204
    assert list(object_store().list("exports/")) == []


PROBLEMS: list[tuple[dict[str, Any], int, str]] = [
    ({"format": "tar"}, 400, "INVALID"),
    ({"format": "mcap", "topics": ["/odom", "/none"]}, 422, "EXPORT_INVALID"),
    ({"format": "mcap", "fields": ["a"]}, 422, "EXPORT_INVALID"),
    ({"format": "mcap", "start": "9s"}, 422, "TIME_INVALID"),
    ({"format": "mcap", "start": 5}, 400, "INVALID"),
    ({"format": "mcap", "colour": "red"}, 400, "INVALID"),
    ({}, 400, "INVALID"),
]


def test_invalid_exports_are_refused(operator: APIClient, drive: Rosbag) -> None:
    for body, status, code in PROBLEMS:
        answer = operator.post(f"/api/v1/rosbags/{drive.pk}/exports", body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), body
    data = operator.post(
        f"/api/v1/rosbags/{drive.pk}/exports", {"format": "csv", "topics": ["/odom", "/none"]}
    ).json()
    assert [error["pointer"] for error in data["errors"]] == ["/topics/1"]
    assert not Export.objects.exists()


def test_unknown_field_fails_with_its_name(operator: APIClient, drive: Rosbag) -> None:
    result = run_export(
        operator, request_export(operator, drive, format="csv", fields=["pose.none"])
    )
    assert (result["status"], result["code"]) == ("failed", "FIELD_UNKNOWN")
    assert "pose.none" in result["sentence"]


def test_viewers_may_list_but_not_request_exports(drive: Rosbag) -> None:
    viewer = APIClient()
    viewer.force_authenticate(User.objects.create(email="v@example.org", role=Role.VIEWER))
    url = f"/api/v1/rosbags/{drive.pk}/exports"
    assert viewer.post(url, {"format": "mcap"}).status_code == 403
    export = exports.request(drive, ExportOptions("mcap"))
    assert [item["id"] for item in viewer.get(url).json()["results"]] == [export.pk]
    assert viewer.post(f"/api/v1/exports/{export.pk}/cancel").status_code == 403


def test_repeated_idempotency_key_makes_one_export(operator: APIClient, drive: Rosbag) -> None:
    url = f"/api/v1/rosbags/{drive.pk}/exports"
    key = {"Idempotency-Key": "one"}
    ids = {operator.post(url, {"format": "mcap"}, headers=key).json()["id"] for _ in range(2)}
    assert len(ids) == Export.objects.count() == 1


def test_export_is_cancelled_before_and_during_work(
    operator: APIClient, drive: Rosbag, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = request_export(operator, drive, format="mcap")
    assert operator.delete(f"/api/v1/exports/{first['id']}").json()["code"] == "EXPORT_RUNNING"
    operator.post(f"/api/v1/exports/{first['id']}/cancel")
    assert run_export(operator, first)["status"] == "cancelled"
    second = request_export(operator, drive, format="mcap")
    closed = []

    def slow(job: child.Job, limits: child.Limits) -> Any:
        try:
            yield json.dumps({"read": 1, "written": 1}).encode()
            operator.post(f"/api/v1/exports/{second['id']}/cancel")
            yield json.dumps({"read": 2, "written": 2}).encode()
            yield from ()
        finally:
            closed.append(job["name"])

    monkeypatch.setattr(child, "lines", slow)
    monkeypatch.setattr(exporter, "REPORT_SECONDS", 0)
    assert run_export(operator, second)["status"] == "cancelled"
    assert closed == ["export"]
    assert not Rosbag.objects.filter(origin=Origin.EXPORTED).exists()


def test_export_is_repeated_after_a_killed_worker(
    operator: APIClient, drive: Rosbag, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = request_export(operator, drive, format="sqlite3")
    monkeypatch.setattr(exporter, "verify_unless_duplicate", raise_killed)
    with pytest.raises(KeyboardInterrupt):
        exporter.run(export["id"])
    monkeypatch.undo()
    left = Export.objects.get(pk=export["id"])
    assert left.result is not None
    assert left.result.status == Status.UPLOADING
    assert recover() == 0  # its lease still holds
    past = timezone.now() - timedelta(seconds=1)
    Export.objects.update(lease_until=past, enqueued_at=past - timedelta(days=1))
    assert recover() == 1
    assert recover() == 0
    result = run_export(operator, export)
    assert (result["status"], result["message_count"]) == ("done", drive.message_count)
    assert not Rosbag.objects.filter(pk=left.result_id).exists()
    assert Rosbag.objects.filter(origin=Origin.EXPORTED).count() == 1
    assert run_export(operator, export) == result


def raise_killed(*_args: Any, **_kwargs: Any) -> None:
    raise KeyboardInterrupt


def test_worker_without_lease_writes_nothing(
    operator: APIClient, drive: Rosbag, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = request_export(operator, drive, format="sqlite3")
    real = exporter.verify_unless_duplicate

    def late(*args: Any, **kwargs: Any) -> bool:
        Export.objects.update(lease_until=timezone.now() + timedelta(hours=1))
        return bool(real(*args, **kwargs))

    monkeypatch.setattr(exporter, "verify_unless_duplicate", late)
    export = exporter.run(export["id"])
    assert export.status == ExportStatus.RUNNING


def test_export_fails_after_too_many_attempts(operator: APIClient, drive: Rosbag) -> None:
    export = request_export(operator, drive, format="sqlite3")
    Export.objects.update(attempts=MAX_ATTEMPTS)
    result = run_export(operator, export)
    assert (result["status"], result["code"]) == ("failed", "EXPORT_BROKE_OFF")
    assert str(MAX_ATTEMPTS) in result["sentence"]


def test_export_is_retried_after_a_storage_outage(
    operator: APIClient, drive: Rosbag, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = request_export(operator, drive, format="csv", topics=["/odom"])

    def away(*_args: Any) -> None:
        raise StoreError("away")

    monkeypatch.setattr(type(object_store()), "put", away)
    with pytest.raises(StoreError):
        exporter.run(export["id"])
    monkeypatch.undo()
    assert run_export(operator, export)["status"] == "done"


def test_too_large_export_fails_with_a_code(
    operator: APIClient, drive: Rosbag, settings: Any
) -> None:
    settings.EXPORT_BYTES = 1000
    result = run_export(operator, request_export(operator, drive, format="mcap"))
    assert (result["status"], result["code"]) == ("failed", "EXPORT_TOO_LARGE")
    assert "1000" in result["sentence"]
    assert not Rosbag.objects.filter(origin=Origin.EXPORTED).exists()


@pytest.mark.django_db(transaction=True)
def test_request_enqueues_a_task(operator: APIClient, drive: Rosbag) -> None:
    export = request_export(operator, drive, format="mcap")
    tasks_of = DBTaskResult.objects.filter(task_path=tasks.make_export.module_path)
    assert [item.args_kwargs["args"] for item in tasks_of] == [[export["id"]]]


def test_exports_are_removed_with_their_rosbag(operator: APIClient, drive: Rosbag) -> None:
    table = run_export(operator, request_export(operator, drive, format="csv", topics=["/odom"]))
    bag = run_export(operator, request_export(operator, drive, format="mcap"))
    deletion.discard(drive)
    assert operator.get(f"/api/v1/exports/{table['id']}").json()["code"] == "EXPORT_NOT_FOUND"
    assert list(object_store().list("exports/")) == []
    assert Rosbag.objects.get(pk=bag["result"]).original is None
