"""Recordings that come in parts, by signed addresses, to a folder and to S3."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from storage.choices import Origin, Status
from storage.exceptions import FilesInvalidError, UploadClosedError, UploadIncompleteError
from storage.models import Rosbag
from storage.objects import object_store
from storage.objects.base import ObjectStore, StoreError, UploadedPart
from storage.services.intake import abandoning, uploads
from storage.services.intake.parts import FilePlan, part_sizes
from storage.services.intake.uploads import FinishedUpload, NewFile
from storage.services.verification import verifier
from storage.tests.conftest import MakeBag
from storage.tests.test_store import send

pytestmark = pytest.mark.django_db
SHA = hashlib.sha256(b"").hexdigest()


def described(folder: Path) -> list[NewFile]:
    return [
        NewFile(path.name, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(folder.iterdir())
    ]


def send_all(store: ObjectStore, folder: Path, plans: Sequence[FilePlan]) -> list[FinishedUpload]:
    finished = []
    for plan in plans:
        with (folder / plan.path).open("rb") as file:
            parts = [
                UploadedPart(part.number, send(store, part.url, file.read(part.size)))
                for part in plan.parts
            ]
        finished.append(FinishedUpload(plan.path, plan.upload_id, parts))
    return finished


def test_uploaded_recording_is_verified(store: ObjectStore, make_bag: MakeBag) -> None:
    folder = make_bag(messages=7)
    (folder / "empty.txt").touch()
    rosbag = uploads.begin("run 1", described(folder), origin=Origin.RECORDED)
    assert rosbag.status == Status.UPLOADING
    finished = send_all(store, folder, uploads.sign_part_urls(rosbag, audience="unit"))
    rosbag = uploads.complete(rosbag, finished)
    assert rosbag.status == Status.VERIFYING
    assert uploads.complete(rosbag, finished).status == Status.VERIFYING
    rosbag = verifier.run(rosbag.pk)
    assert (rosbag.status, rosbag.message_count, rosbag.origin) == ("ready", 7, "recorded")
    assert uploads.complete(rosbag, finished).status == Status.READY


def test_only_missing_parts_get_addresses(store: ObjectStore, settings: Any) -> None:
    settings.UPLOAD_PART_BYTES = 5 * 2**20
    body = b"x" * (5 * 2**20 + 3)
    file = NewFile("a.db3", len(body), hashlib.sha256(body).hexdigest())
    rosbag = uploads.begin("bag", [file], origin=Origin.RECORDED)
    [plan] = uploads.sign_part_urls(rosbag, audience="unit")
    assert [(part.number, part.size) for part in plan.parts] == [(1, 5 * 2**20), (2, 3)]
    send(store, plan.parts[0].url, body[: 5 * 2**20])
    with pytest.raises(UploadIncompleteError, match=r"a\.db3 is not complete"):
        uploads.complete(rosbag, [])
    [plan] = uploads.sign_part_urls(rosbag, audience="unit")
    assert [part.number for part in plan.parts] == [2]
    etag = send(store, plan.parts[0].url, body[5 * 2**20 :])
    done = FinishedUpload("a.db3", plan.upload_id, [UploadedPart(2, etag)])
    assert uploads.complete(rosbag, [done]).status == Status.VERIFYING


def test_completion_without_etags(store: ObjectStore, make_bag: MakeBag) -> None:
    folder = make_bag()
    rosbag = uploads.begin("bag", described(folder), origin=Origin.RECORDED)
    send_all(store, folder, uploads.sign_part_urls(rosbag, audience="unit"))
    assert [plan.parts for plan in uploads.sign_part_urls(rosbag, audience="unit")] == [[], []]
    assert uploads.complete(rosbag, []).status == Status.VERIFYING


def test_joining_after_a_kill(
    store: ObjectStore, make_bag: MakeBag, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_bag()
    rosbag = uploads.begin("bag", described(folder), origin=Origin.RECORDED)
    send_all(store, folder, uploads.sign_part_urls(rosbag, audience="unit"))
    uploads.complete(rosbag, [])
    first = rosbag.files.first()
    assert first is not None
    parts = store.list_parts(first.key, first.upload_id)
    store.finish_upload(first.key, first.upload_id, parts)  # as a worker that was killed then
    assert verifier.run(rosbag.pk).status == Status.READY
    assert not rosbag.files.exclude(upload_id="").exists()
    assert list(store.list("uploads/")) == []


def test_url_of_an_ended_upload_changes_nothing(store: ObjectStore, make_bag: MakeBag) -> None:
    folder = make_bag()
    rosbag = uploads.begin("bag", described(folder), origin=Origin.RECORDED)
    plans = uploads.sign_part_urls(rosbag, audience="unit")
    send_all(store, folder, plans)
    uploads.complete(rosbag, [])
    verifier.run(rosbag.pk)
    for plan in plans:
        send(store, plan.parts[0].url, b"something else")
    verifier.verify_again(rosbag)
    rosbag = verifier.run(rosbag.pk)
    assert rosbag.status == Status.READY
    assert rosbag.message_count == 5


def test_lost_multipart_upload_is_opened_again(store: ObjectStore, make_bag: MakeBag) -> None:
    folder = make_bag()
    rosbag = uploads.begin("bag", described(folder), origin=Origin.RECORDED)
    uploads.sign_part_urls(rosbag, audience="unit")
    for file in rosbag.files.all():
        store.abort_upload(file.key, file.upload_id)
    with pytest.raises(UploadIncompleteError):
        uploads.complete(rosbag, [])
    plans = uploads.sign_part_urls(rosbag, audience="unit")
    assert all(plan.parts for plan in plans)
    finished = send_all(store, folder, plans)
    assert uploads.complete(rosbag, finished).status == Status.VERIFYING


def test_upload_with_another_checksum_is_rejected(store: ObjectStore, make_bag: MakeBag) -> None:
    folder = make_bag()
    files = [NewFile(file.path, file.size, SHA) for file in described(folder)]
    rosbag = uploads.begin("bag", files, origin=Origin.RECORDED)
    uploads.complete(
        rosbag, send_all(store, folder, uploads.sign_part_urls(rosbag, audience="unit"))
    )
    rosbag = verifier.run(rosbag.pk)
    assert (rosbag.status, rosbag.code) == ("rejected", "CHECKSUM_MISMATCH")
    assert "checksum" in rosbag.sentence


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../a",
        "a/../b",
        "a\\b",
        "a\0b",
        "",
        ".",
        "a//b",
        "a\nb",
        "x" * 401,
        "x" * 256,
    ],
)
def test_invalid_paths_are_refused(path: str) -> None:
    with pytest.raises(FilesInvalidError) as caught:
        uploads.begin("bag", [NewFile(path, 1, SHA)], origin=Origin.UPLOADED)
    assert caught.value.errors[0].pointer == "/files/0/path"
    assert not Rosbag.objects.exists()


@pytest.mark.parametrize(
    "files",
    [
        [],
        [NewFile("a", 1, SHA), NewFile("a", 1, SHA)],
        [NewFile("a", -1, SHA)],
        [NewFile("a", 2**60, SHA)],
        [NewFile("a", 1, "abc")],
        [NewFile("a", 1, "G" * 64)],
    ],
)
def test_invalid_files_are_refused(files: list[NewFile]) -> None:
    with pytest.raises(FilesInvalidError):
        uploads.begin("bag", files, origin=Origin.UPLOADED)


def test_aborted_upload_leaves_no_objects(store: ObjectStore, make_bag: MakeBag) -> None:
    folder = make_bag()
    rosbag = uploads.begin("bag", described(folder), origin=Origin.RECORDED)
    plans = uploads.sign_part_urls(rosbag, audience="unit")
    finished = send_all(store, folder, plans)
    abandoning.abandon(rosbag)
    abandoning.abandon(rosbag)
    assert list(store.list("rosbags/")) == []
    with pytest.raises(UploadClosedError):
        uploads.complete(rosbag, finished)
    with pytest.raises(UploadClosedError):
        uploads.sign_part_urls(rosbag, audience="unit")


def test_stale_uploads_are_aborted(make_bag: MakeBag) -> None:
    old = uploads.begin("old", described(make_bag("old")), origin=Origin.RECORDED)
    new = uploads.begin("new", described(make_bag("new")), origin=Origin.RECORDED)
    Rosbag.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=8))
    assert abandoning.abandon_stale() == 1
    assert list(Rosbag.objects.living()) == [new]


def test_upload_begins_while_the_storage_is_away(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.UPLOAD_PART_BYTES = 5

    def away(_self: Any, _key: str) -> str:
        raise StoreError("away")

    with monkeypatch.context() as patch:
        patch.setattr(type(object_store()), "start_upload", away)
        rosbag = uploads.begin("bag", [NewFile("a", 6, SHA)], origin=Origin.RECORDED)
        with pytest.raises(StoreError):
            uploads.sign_part_urls(rosbag, audience="unit")
    [plan] = uploads.sign_part_urls(rosbag, audience="unit")
    assert len(plan.parts) == 2


def test_number_of_parts_stays_within_the_limit_of_s3(settings: Any) -> None:
    settings.UPLOAD_PART_BYTES = 5 * 2**20
    assert part_sizes(0) == []
    assert part_sizes(5 * 2**20) == [5 * 2**20]
    for size in (5 * 2**40, 5 * 2**20 * 10_000 + 1):
        assert len(part_sizes(size)) <= 10_000
        assert sum(part_sizes(size)) == size
