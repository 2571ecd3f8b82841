"""Repairs of damaged bundles: made once, linked both ways, safe to kill."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone, translation
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from storage.choices import Origin, Status, lost_sentence
from storage.models import Rosbag
from storage.objects.base import ObjectStore, StoreError
from storage.services.intake import imports
from storage.services.maintenance import integrity
from storage.services.rosbags import deletion
from storage.services.rosbags.files import store_file
from storage.services.verification import repairs, verifier
from storage.tests.conftest import MakeBag, claim
from storage.tests.test_import import import_bag

pytestmark = pytest.mark.django_db


def without_metadata(bag: Path) -> Path:
    (bag / "metadata.yaml").unlink()
    return bag


def cut(bag: Path) -> Path:
    """A database that lacks its second half."""
    [data] = bag.glob("*.db3")
    body = data.read_bytes()
    data.write_bytes(body[: len(body) // 2 // 4096 * 4096])
    return bag


def healthy() -> bool:
    report = integrity.check()
    return (report.missing, report.wrong_size, report.orphaned) == ([], [], [])


def test_original_and_repair_refer_to_each_other(store: ObjectStore, make_bag: MakeBag) -> None:
    bag = without_metadata(make_bag("drive", messages=7))
    code, result = import_bag(bag)
    original, made = (
        Rosbag.objects.get(pk=result["original"]),
        Rosbag.objects.get(pk=result["rosbag"]),
    )
    assert (code, result["status"], result["code"], result["message_count"]) == (
        0,
        "repaired",
        "REBUILT",
        7,
    )
    assert (original.status, original.usable, original.repaired) == (Status.REPAIRED, False, made)
    assert (made.status, made.origin, made.original) == (
        Status.READY_WITH_WARNINGS,
        Origin.REPAIRED,
        original,
    )
    assert made.usable
    assert [warning["code"] for warning in made.warnings] == ["REBUILT", "METADATA_MISSING"]
    assert {topic.name: topic.message_count for topic in made.topics.all()}["/odom"] == 7
    [file] = original.files.all()
    with store.open(file.key) as stored:
        assert stored.read() == next(bag.glob("*.db3")).read_bytes()
    assert {file.path for file in made.files.all()} == {"metadata.yaml", "repaired_0.db3"}
    assert healthy()


def test_losses_are_reported_as_spans(make_bag: MakeBag) -> None:
    bag = cut(make_bag("drive", messages=5000, step_ns=1_000_000))
    code, result = import_bag(bag)
    assert (code, result["status"], result["code"]) == (0, "repaired", "RESCUED"), result
    assert 0 < result["message_count"] < 5000
    assert result["lost_spans"]
    for span in result["lost_spans"]:
        assert span["file"] in span["sentence"]
        assert "lost" in span["sentence"]
    made, original = (Rosbag.objects.get(pk=result[name]) for name in ("rosbag", "original"))
    assert made.lost_spans == original.lost_spans != []
    client = Client()
    client.force_login(User.objects.create(email="o@example.org", role=Role.OPERATOR))
    for rosbag, other in ((made, original), (original, made)):
        page = client.get(f"/admin/storage/rosbag/{rosbag.pk}/change/").content.decode()
        assert result["lost_spans"][0]["sentence"] in page.replace("&#x27;", "'")
        assert f"/admin/storage/rosbag/{other.pk}/change/" in page
    api = APIClient()
    api.force_authenticate(User.objects.get())
    answer = api.get(f"/api/v1/rosbags/{original.pk}").json()
    assert (answer["status"], answer["repaired"]) == ("repaired", made.pk)
    assert answer["lost_spans"] == result["lost_spans"]
    listed = api.get("/api/v1/rosbags?status=repaired").json()["results"]
    assert [item["id"] for item in listed] == [original.pk]
    listed = api.get("/api/v1/rosbags?origin=repaired&usable=true").json()["results"]
    assert [item["id"] for item in listed] == [made.pk]


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (
            (1_700_000_000_000_000_000, 1_700_000_001_500_000_000, 3),
            "3 messages lost between 2023-11-14 22:13:20.000 UTC and 2023-11-14 22:13:21.500 UTC",
        ),
        ((2_000_000_000, None, 1), "1 message lost from 2.000 s to the end"),
        (
            (None, 2_000_000_000, None),
            "an unknown number of messages lost from the beginning to 2.000 s",
        ),
        ((2_000_000_000, 2_000_000_000, 1), "1 message lost at 2.000 s"),
        ((None, None, 0), "0 messages lost at a time that is not known"),
        ((-(2**63), 2**63 - 1, 5), "5 messages lost between"),
    ],
)
def test_sentences_of_lost_spans(
    span: tuple[int | None, int | None, int | None], expected: str
) -> None:
    values = dict(zip(("first_ns", "last_ns", "messages"), span, strict=True))
    with translation.override("en"):
        assert expected in lost_sentence({"file": "a.db3", "topic": "/odom", **values})
        assert expected in lost_sentence({"file": "", "topic": "", **values})


def test_same_damaged_bundle_is_not_repaired_again(make_bag: MakeBag) -> None:
    bag = without_metadata(make_bag())
    _code, first = import_bag(bag)
    code, again = import_bag(bag)
    assert (code, again) == (0, first)
    assert Rosbag.objects.count() == 2


def test_imported_repair_is_a_duplicate(make_bag: MakeBag, tmp_path: Path, settings: Any) -> None:
    _code, first = import_bag(without_metadata(make_bag()))
    made = Rosbag.objects.get(pk=first["rosbag"])
    back = tmp_path / "back"
    back.mkdir()
    for file in made.files.all():
        shutil.copy(settings.STORAGE_DIR / file.key, back / file.path)
    _code, again = import_bag(back)
    assert (again["rosbag"], again["original"]) == (made.pk, None)


def test_duplicate_without_checksums_is_not_repaired_again(make_bag: MakeBag) -> None:
    bag = without_metadata(make_bag())
    _code, first = import_bag(bag)
    later = Rosbag.objects.create(name="later", status=Status.UPLOADING)
    [path] = bag.iterdir()
    with path.open("rb") as stream:
        store_file(later, path.name, stream).save()
    later.files.update(sha256="")
    Rosbag.objects.filter(pk=later.pk).update(status=Status.VERIFYING)
    verified = verifier.run(later.pk)
    assert (verified.status, verified.repaired_id, verified.original_id) == (
        Status.REPAIRED,
        first["rosbag"],
        first["original"],
    )
    assert verified.warnings[-1]["code"] == "SAME_CONTENT"
    assert Rosbag.objects.filter(origin=Origin.REPAIRED).count() == 1


class KilledError(BaseException):
    """As a signal that cannot be caught."""


@pytest.mark.parametrize("where", ["store_repair", "publish"])
def test_killed_worker_makes_no_second_repair(
    store: ObjectStore, make_bag: MakeBag, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    rosbag = imports.import_path(without_metadata(make_bag()))
    real = getattr(repairs, where)

    def killed(*args: Any) -> None:
        real(*args)
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(repairs, where, killed)
        with pytest.raises(KilledError):
            verifier.run(rosbag.pk)
    assert healthy()  # what is half made belongs to its row
    Rosbag.objects.filter(pk=rosbag.pk).update(lease_until=None)
    assert verifier.run(rosbag.pk).status == Status.REPAIRED
    assert Rosbag.objects.filter(origin=Origin.REPAIRED).count() == 1
    assert healthy()
    made = {f"rosbags/{pk}/" for pk in Rosbag.objects.values_list("pk", flat=True)}
    assert {stored.key.rpartition("/")[0] + "/" for stored in store.list("rosbags/")} == made


def test_worker_without_lease_leaves_nothing(
    make_bag: MakeBag, monkeypatch: pytest.MonkeyPatch
) -> None:
    rosbag = imports.import_path(without_metadata(make_bag()))
    store_repair = repairs.store_repair

    def late(*args: Any) -> Any:
        repair = store_repair(*args)
        Rosbag.objects.filter(pk=rosbag.pk).update(lease_until=None)
        assert claim(rosbag.pk)
        return repair

    with monkeypatch.context() as patch:
        patch.setattr(repairs, "store_repair", late)
        assert verifier.run(rosbag.pk).status == Status.VERIFYING
    assert not Rosbag.objects.filter(origin=Origin.REPAIRED).exists()
    Rosbag.objects.update(lease_until=None)
    assert verifier.run(rosbag.pk).status == Status.REPAIRED
    assert healthy()


def test_repair_is_retried_after_a_full_storage(
    make_bag: MakeBag, monkeypatch: pytest.MonkeyPatch
) -> None:
    rosbag = imports.import_path(without_metadata(make_bag()))

    def full(*_args: Any) -> Any:
        raise StoreError("full")

    with monkeypatch.context() as patch:
        patch.setattr(repairs, "store_folder", full)
        with pytest.raises(StoreError):
            verifier.run(rosbag.pk)
    assert verifier.run(rosbag.pk).status == Status.REPAIRED
    assert Rosbag.objects.count() == 2
    assert healthy()


def test_verifying_both_again_keeps_the_results(make_bag: MakeBag) -> None:
    _code, result = import_bag(cut(make_bag("drive", messages=5000, step_ns=1_000_000)))
    before = {rosbag.pk: rosbag for rosbag in Rosbag.objects.all()}
    for pk in (result["original"], result["rosbag"]):
        verifier.verify_again(Rosbag.objects.get(pk=pk))
        verified = verifier.run(pk)
        for field in ("status", "repaired_id", "warnings", "lost_spans", "message_count"):
            assert getattr(verified, field) == getattr(before[pk], field), field
    assert Rosbag.objects.count() == 2


def test_repair_stays_usable_without_its_original(make_bag: MakeBag) -> None:
    bag = without_metadata(make_bag())
    _code, result = import_bag(bag)
    original, made = (
        Rosbag.objects.get(pk=result["original"]),
        Rosbag.objects.get(pk=result["rosbag"]),
    )
    deletion.delete(original)
    deletion.discard(original)
    made.refresh_from_db()
    assert (made.usable, made.original) == (True, None)
    assert verifier.run(made.pk).usable
    assert healthy()


def test_original_is_repaired_again_after_its_repair_was_deleted(make_bag: MakeBag) -> None:
    bag = without_metadata(make_bag())
    _code, result = import_bag(bag)
    deletion.delete(Rosbag.objects.get(pk=result["rosbag"]))
    original = Rosbag.objects.get(pk=result["original"])
    assert repairs.usable_version(original) == original
    _code, again = import_bag(bag)
    assert again["status"] == "repaired"
    assert again["rosbag"] != result["rosbag"]
    verifier.verify_again(original)
    verified = verifier.run(original.pk)
    assert verified.repaired_id not in {None, result["rosbag"]}


def test_recordings_are_not_repaired(make_bag: MakeBag) -> None:
    rosbag = imports.import_path(without_metadata(make_bag()))
    Rosbag.objects.update(origin=Origin.RECORDED)
    assert verifier.run(rosbag.pk).code == "METADATA_MISSING"


def test_topic_names_are_escaped(make_bag: MakeBag) -> None:
    rosbag = verifier.run(imports.import_path(without_metadata(make_bag())).pk)
    span = {
        "file": "<b>x</b>",
        "topic": "<script>alert(1)</script>",
        "first_ns": 1,
        "last_ns": 2,
        "messages": 1,
    }
    Rosbag.objects.filter(pk=rosbag.pk).update(
        lost_spans=[span], deleted_at=None, updated_at=timezone.now()
    )
    client = Client()
    client.force_login(User.objects.create(email="o@example.org", role=Role.OPERATOR))
    page = client.get(f"/admin/storage/rosbag/{rosbag.pk}/change/").content.decode()
    assert "<script>alert(1)" not in page
    assert json.dumps("&lt;script&gt;alert(1)")[1:-1] in page


def test_a_single_file_in_a_form(make_bag: MakeBag) -> None:
    data = next(make_bag(messages=7).glob("*.db3"))
    api = APIClient()
    api.force_authenticate(User.objects.create(email="o@example.org", role=Role.OPERATOR))
    form = {"files": SimpleUploadedFile("drive.db3", data.read_bytes())}
    result = api.post("/api/v1/rosbags", form, format="multipart").json()
    verified = verifier.run(result["id"])
    assert (verified.name, verified.status) == ("drive", Status.REPAIRED)
    made = verified.repaired
    assert made is not None
    assert made.message_count == 7


def test_damaged_rosbag_refers_to_the_repaired_one(make_bag: MakeBag) -> None:
    _code, result = import_bag(without_metadata(make_bag("drive")))
    api = APIClient()
    api.force_authenticate(User.objects.create(email="o@example.org", role=Role.OPERATOR))
    answer = api.get(f"/api/v1/rosbags/{result['original']}/messages")
    assert (answer.status_code, answer.json()["code"]) == (409, "ROSBAG_NOT_READY")
    assert f"use rosbag {result['rosbag']} instead" in answer.json()["detail"]
    deletion.delete(Rosbag.objects.get(pk=result["rosbag"]))
    answer = api.get(f"/api/v1/rosbags/{result['original']}/messages")
    assert "verify it again" in answer.json()["detail"]
