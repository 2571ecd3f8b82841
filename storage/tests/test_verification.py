"""Verification under a lease: once, safely, and again after a crash."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from common.db.leases import Lease
from rosbag2.sandbox import checks
from storage.choices import SENTENCES, Status, sentence
from storage.exceptions import RosbagBusyError, RosbagNotFoundError
from storage.models import Rosbag, RosbagTopic
from storage.objects import object_store
from storage.objects.base import StoreError
from storage.services.intake import imports
from storage.services.rosbags import work_folders
from storage.services.verification import results, verifier
from storage.tests.conftest import MakeBag, claim
from tests.support.bags import stored_bag


@pytest.fixture
def rosbag(request: pytest.FixtureRequest, make_bag: MakeBag) -> Rosbag:
    names = request.fixturenames
    request.getfixturevalue("transactional_db" if "transactional_db" in names else "db")
    return imports.import_folder(make_bag())


def test_second_verification_changes_nothing(rosbag: Rosbag) -> None:
    first = verifier.run(rosbag.pk)
    second = verifier.run(rosbag.pk)
    assert first.status == Status.READY
    assert second.updated_at == first.updated_at
    assert second.lease_until is None


def test_leased_rosbag_is_not_verified(rosbag: Rosbag) -> None:
    lease = claim(rosbag.pk)
    assert lease is not None
    assert claim(rosbag.pk) is None
    assert verifier.run(rosbag.pk).status == Status.VERIFYING
    lease.release()
    assert verifier.run(rosbag.pk).status == Status.READY


def test_verification_is_repeated_after_a_killed_worker(rosbag: Rosbag, settings: Any) -> None:
    claim(rosbag.pk)
    left = settings.DATA_DIR / "verifying" / f"{rosbag.pk}-half"
    left.mkdir(parents=True)
    Rosbag.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert verifier.run(rosbag.pk).status == Status.READY
    assert list((settings.DATA_DIR / "verifying").iterdir()) == []


def test_worker_without_lease_writes_nothing(
    rosbag: Rosbag, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify_or_repair = checks.verify_or_repair
    other: list[Lease | None] = []

    def slow(*args: Any, **options: Any) -> Any:
        verdict = verify_or_repair(*args, **options)
        Rosbag.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        other.append(claim(rosbag.pk))
        return verdict

    monkeypatch.setattr(checks, "verify_or_repair", slow)
    assert verifier.run(rosbag.pk).status == Status.VERIFYING
    assert not RosbagTopic.objects.exists()
    assert other[0] is not None
    other[0].renew()


def test_concurrent_workers_verify_once(
    transactional_db: None, rosbag: Rosbag, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify_or_repair = checks.verify_or_repair
    together = Barrier(4)
    verified = []

    def counted(folder: Path, *args: Any, **options: Any) -> Any:
        verified.append(folder)
        return verify_or_repair(folder, *args, **options)

    def work(_number: int) -> None:
        together.wait()
        try:
            verifier.run(rosbag.pk)
        finally:
            connection.close()

    monkeypatch.setattr(checks, "verify_or_repair", counted)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert len(verified) == 1
    assert Rosbag.objects.get().status == Status.READY
    assert RosbagTopic.objects.count() == 2


def test_verification_is_retried_after_a_storage_outage(
    rosbag: Rosbag, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: Any) -> None:
        raise StoreError("away")

    with monkeypatch.context() as patch:
        patch.setattr(type(object_store()), "fetch", away)
        with pytest.raises(StoreError):
            verifier.run(rosbag.pk)
    rosbag.refresh_from_db()
    assert (rosbag.status, rosbag.lease_until) == (Status.VERIFYING, None)
    assert verifier.run(rosbag.pk).status == Status.READY


def test_verification_is_retried_after_a_full_disk(
    rosbag: Rosbag, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: Any, **_kwargs: Any) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(work_folders, "mkdtemp", full)
    with pytest.raises(StoreError, match="No space left"):
        verifier.run(rosbag.pk)
    assert Rosbag.objects.get().status == Status.VERIFYING


def test_internal_error_rejects_and_can_be_verified_again(
    rosbag: Rosbag, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: Any, **_options: Any) -> Any:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(checks, "verify_or_repair", broken)
        rejected = verifier.run(rosbag.pk)
    assert (rejected.status, rejected.code) == (Status.REJECTED, "VERIFICATION_FAILED")
    verifier.verify_again(rosbag)
    assert verifier.run(rosbag.pk).status == Status.READY


def test_forged_values_are_rejected(rosbag: Rosbag, monkeypatch: pytest.MonkeyPatch) -> None:
    fields_of_index = results.fields_of_index
    monkeypatch.setattr(
        results, "fields_of_index", lambda index: fields_of_index(index) | {"version": 2**70}
    )
    rejected = verifier.run(rosbag.pk)
    assert (rejected.status, rejected.code) == (Status.REJECTED, "VALUES_IMPLAUSIBLE")
    assert not RosbagTopic.objects.exists()


def test_what_a_bag_says_of_itself_costs_no_message(db: None, make_bag: MakeBag) -> None:
    folder = make_bag(messages=0)
    with closing(sqlite3.connect(folder / "bag_0.db3")) as connection:
        rows = [(1, (n % 2 * 2 - 1) * 2**62 - n, b"\0\1\0\0") for n in range(40)]
        query = "INSERT INTO messages (topic_id, timestamp, data) VALUES (?, ?, ?)"
        connection.executemany(query, sorted(rows, key=lambda row: row[1]))
        connection.commit()
    path = folder / "metadata.yaml"
    text = path.read_text().replace("version: 9", f"version: {2**40}")
    path.write_text(text.replace("ros_distro: ", "ros_distro: " + 100 * "x"))
    rosbag = stored_bag(folder)
    assert (rosbag.status, rosbag.message_count) == (Status.READY_WITH_WARNINGS, 40)
    assert rosbag.duration_ns == 2**63 - 1


@pytest.mark.parametrize(
    ("fault", "code"),
    [("gone", "OBJECT_MISSING"), ("cut", "SIZE_MISMATCH"), ("changed", "CHECKSUM_MISMATCH")],
)
def test_stored_files_are_compared_with_their_rows(
    rosbag: Rosbag, settings: Any, fault: str, code: str
) -> None:
    file = rosbag.files.get(path__endswith=".db3")
    path = settings.STORAGE_DIR / file.key
    body = bytearray(path.read_bytes())
    match fault:
        case "gone":
            path.unlink()
        case "cut":
            path.write_bytes(body[:-1])
        case "changed":
            body[-1] ^= 1
            path.write_bytes(body)
    rejected = verifier.run(rosbag.pk)
    assert (rejected.status, rejected.code) == (Status.REJECTED, code)
    assert file.path in rejected.sentence


def test_verifying_again_replaces_the_index(rosbag: Rosbag) -> None:
    verifier.run(rosbag.pk)
    RosbagTopic.objects.filter(name="/odom").update(message_count=99)
    verifier.verify_again(rosbag)
    assert rosbag.status == Status.VERIFYING
    verifier.run(rosbag.pk)
    assert RosbagTopic.objects.get(name="/odom").message_count == 5


def test_an_upload_in_progress_cannot_be_verified(rosbag: Rosbag) -> None:
    Rosbag.objects.update(status=Status.UPLOADING)
    with pytest.raises(RosbagBusyError):
        verifier.verify_again(rosbag)
    assert verifier.run(rosbag.pk).status == Status.UPLOADING


def test_unknown_rosbag_is_not_found(db: None) -> None:
    with pytest.raises(RosbagNotFoundError, match="404"):
        verifier.run(404)


def test_sentence_falls_back_to_the_stored_text() -> None:
    assert sentence("NOT_KNOWN_YET", {}, "As stored.") == "As stored."
    assert sentence("FILE_MISSING", {}, "As stored.") == "As stored."
    assert sentence("FILE_MISSING", {"file": "a.db3"}).startswith("metadata.yaml lists a.db3")


@pytest.mark.parametrize(
    "code",
    [
        *("OBJECT_MISSING", "SIZE_MISMATCH", "CHECKSUM_MISMATCH", "FILES_LEFT_OUT", "SAME_CONTENT"),
        *("VALUES_IMPLAUSIBLE", "VERIFICATION_FAILED", "VERIFICATION_BROKE_OFF"),
    ],
)
def test_each_code_is_documented(settings: Any, code: str) -> None:
    text = (settings.BASE_DIR / "docs" / "rosbags.md").read_text()
    assert f"| `{code}` | {SENTENCES[code]} |" in text
