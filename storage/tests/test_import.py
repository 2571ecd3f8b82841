"""`manage.py import_bag`, from the command line."""

import json
import shutil
import sqlite3
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from rosbag2.tests.bundles import database, rows
from storage.models import Rosbag, RosbagFile
from storage.objects import object_store
from storage.objects.base import ObjectStore, StoreError
from storage.services.intake import imports
from storage.services.rosbags.files import store_files
from storage.tests.conftest import MakeBag, claim

pytestmark = pytest.mark.django_db
BAGS = Path(__file__).resolve().parents[3] / "shared" / "bags"


def import_bag(path: Path, *options: str) -> tuple[int, dict[str, Any]]:
    """Exit code and the one line of JSON."""
    out = StringIO()
    code = 0
    try:
        call_command("import_bag", str(path), "--json", *options, stdout=out)
    except SystemExit as stop:
        code = int(stop.code or 0)
    [line] = out.getvalue().splitlines()
    return code, json.loads(line)


def test_a_bundle_is_stored_verified_and_indexed(store: ObjectStore, make_bag: MakeBag) -> None:
    folder = make_bag("course", messages=11)
    code, result = import_bag(folder)
    rosbag = Rosbag.objects.get()
    assert code == 0
    assert result == {
        "rosbag": rosbag.pk,
        "status": "ready",
        "code": "",
        "sentence": "",
        "original": None,
        "warnings": [],
        "message_count": 11,
        "lost_spans": [],
    }
    assert (rosbag.name, rosbag.storage_id, rosbag.version) == ("course", "sqlite3", 9)
    assert (rosbag.start_ns, rosbag.duration_ns) == (1_000_000_000, 1_000_000_000)
    topics = {topic.name: topic for topic in rosbag.topics.all()}
    assert topics["/odom"].message_count == 11
    assert topics["/odom"].mean_rate_hz == pytest.approx(10)
    assert sum(topics["/odom"].histogram) == 11
    assert topics["/idle"].message_count == 0
    for file in rosbag.files.all():
        with store.open(file.key) as stored:
            assert stored.read() == (folder / file.path).read_bytes()
    assert rosbag.size == sum(path.stat().st_size for path in folder.iterdir())


def test_same_bundle_is_stored_once(make_bag: MakeBag) -> None:
    folder = make_bag()
    _code, first = import_bag(folder, "--name", "one")
    code, second = import_bag(folder, "--name", "two")
    assert (code, second["rosbag"]) == (0, first["rosbag"])
    keys = {stored.key for stored in object_store().list("rosbags/")}
    assert keys == set(Rosbag.objects.get().files.values_list("key", flat=True))


def test_deleted_bundle_is_imported_again(make_bag: MakeBag) -> None:
    folder = make_bag()
    _code, first = import_bag(folder)
    Rosbag.objects.update(deleted_at="2026-01-01T00:00Z")
    _code, second = import_bag(folder)
    assert second["rosbag"] != first["rosbag"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("no data", "FILE_MISSING"),
        ("not sqlite", "FILE_NOT_SQLITE"),
        ("no file", "DATA_MISSING"),
    ],
)
def test_a_broken_bundle_is_rejected_with_a_sentence(
    make_bag: MakeBag, fault: str, code: str
) -> None:
    folder = make_bag()
    [data] = folder.glob("*.db3")
    match fault:
        case "no data":
            data.unlink()
        case "not sqlite":
            data.write_bytes(b"no database at all" * 100)
        case "no file":
            shutil.rmtree(folder)
            folder.mkdir()
    exit_code, result = import_bag(folder)
    rosbag = Rosbag.objects.get()
    assert exit_code == 2
    assert (result["rosbag"], result["status"], result["code"]) == (rosbag.pk, "rejected", code)
    assert result["message_count"] is None
    assert result["sentence"] == rosbag.sentence != ""
    assert not rosbag.topics.exists()


def test_missing_path_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("words")
    for path in (tmp_path / "none", tmp_path / "file"):
        code, result = import_bag(path)
        assert code == 2
        assert (result["rosbag"], result["status"], result["code"]) == (
            None,
            "rejected",
            "PATH_MISSING",
        )
    assert not Rosbag.objects.exists()


def test_warnings_are_reported(make_bag: MakeBag) -> None:
    folder = make_bag()
    shutil.copyfile(folder / "bag_0.db3", folder / "copy.db3")
    code, result = import_bag(folder)
    assert (code, result["status"], result["message_count"]) == (0, "ready_with_warnings", 5)
    assert [warning["code"] for warning in result["warnings"]] == ["UNLISTED_FILE"]


def test_nothing_to_play_is_a_failure(make_bag: MakeBag) -> None:
    code, result = import_bag(make_bag(messages=0))
    assert (code, result["status"], result["code"]) == (2, "rejected", "EMPTY")


def test_a_full_disk_leaves_nothing(make_bag: MakeBag, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_bag()
    put = type(object_store()).put

    def full(store: Any, key: str, source: Any) -> None:
        if key.endswith("metadata.yaml"):
            raise StoreError("full")
        put(store, key, source)

    monkeypatch.setattr(type(object_store()), "put", full)
    code, result = import_bag(folder)
    assert (code, result["rosbag"], result["code"]) == (2, None, "STORAGE_UNAVAILABLE")
    assert not Rosbag.objects.exists()
    assert list(object_store().list("rosbags/")) == []


def test_only_direct_subfolders_are_imported(make_bag: MakeBag) -> None:
    folder = make_bag()
    (folder / "notes" / "deep").mkdir(parents=True)
    (folder / "notes" / "run.db3").write_text("fine")
    (folder / "notes" / "deep" / "x.db3").write_text("too deep")
    rosbag = imports.import_folder(folder)
    paths = set(rosbag.files.values_list("path", flat=True))
    assert "notes/run.db3" in paths
    assert "notes/deep/x.db3" not in paths


def test_import_waits_for_another_worker(
    make_bag: MakeBag, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.TASK_LEASE_SECONDS = 1
    import_path = imports.import_path

    def taken(*args: Any, **kwargs: Any) -> Rosbag:
        rosbag = import_path(*args, **kwargs)
        assert claim(rosbag.pk)  # and its worker is killed: the lease ends unused
        return rosbag

    monkeypatch.setattr(imports, "import_path", taken)
    code, result = import_bag(make_bag())
    assert (code, result["status"]) == (0, "ready")


def test_output_as_text(make_bag: MakeBag) -> None:
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("import_bag", str(make_bag(messages=0)), stdout=out)
    assert out.getvalue().splitlines()[0] == "bag: Rejected"
    assert "no messages" in out.getvalue()


def test_sample_bag_is_valid(tmp_path: Path) -> None:
    call_command("make_sample_bag", str(tmp_path / "sample"), "--seconds", "1", stdout=StringIO())
    code, result = import_bag(tmp_path / "sample")
    assert (code, result["status"], result["warnings"]) == (0, "ready", [])
    assert result["message_count"] == Rosbag.objects.get().message_count > 0


@pytest.mark.skipif(not BAGS.is_dir(), reason="the bundles of others are not here")
@pytest.mark.parametrize(
    ("bundle", "status", "count"),
    [
        ("ok-v1-crystal-cdr_test-sqlite", "ready_with_warnings", 7),
        ("ok-v4-foxy-cdr_test-sqlite-wal", "ready", 7),
        ("ok-v4-foxy-talker-sqlite", "ready", 20),
        ("ok-v4-split5-wbag-sqlite", "ready_with_warnings", 6074),
        ("ok-v5-humble-ins-sqlite", "ready", 3168),
        ("odd-v4-qos-mismatch-sqlite", "ready_with_warnings", 20),
        ("ok-v4-split4-filezstd-sqlite", "ready_with_warnings", 775),
        ("ok-v6-cdr_test-mcap", "ready", 7),
        ("ok-v9-kilted-filezstd-sqlite", "ready", 6),
        ("rescue-empty-storage-id", "repaired", 20),
        ("broken-lfs-pointer-sqlite", "rejected", None),
        ("broken-wrong-serialization-sqlite", "rejected", None),
    ],
)
def test_bundles_of_other_recorders(bundle: str, status: str, count: int | None) -> None:
    code, result = import_bag(BAGS / bundle)
    assert (result["status"], result["message_count"]) == (status, count), result
    assert code == (2 if status == "rejected" else 0)


def test_folder_that_is_no_bundle_is_refused(store: ObjectStore, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "keys").mkdir(parents=True)
    (home / "diary.txt").write_text("private")
    (home / "keys" / "key.db3").write_text("private")
    code, result = import_bag(home)
    assert (code, result["rosbag"], result["code"]) == (2, None, "FILES_INVALID")
    assert "give the folder of the bundle" in result["sentence"]
    assert not Rosbag.objects.exists()


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "1e12"])
def test_sample_duration_is_validated(tmp_path: Path, seconds: str) -> None:
    with pytest.raises(CommandError, match="seconds"):
        call_command("make_sample_bag", str(tmp_path / "sample"), f"--seconds={seconds}")
    assert not (tmp_path / "sample").exists()


@pytest.mark.parametrize("folder", [False, True])
def test_something_else_than_a_bundle_is_named(tmp_path: Path, folder: bool) -> None:
    place = tmp_path / "day"
    place.mkdir()
    (place / "old.bag").write_bytes(b"#ROSBAG V2.0\n" + bytes(100))
    code, result = import_bag(place if folder else place / "old.bag")
    assert (code, result["status"], result["code"]) == (2, "rejected", "FILE_IS_ROS1_BAG")
    assert "rosbags-convert --src old.bag" in result["sentence"]
    assert not Rosbag.objects.exists()


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("vanishes", [False, True])
def test_a_bag_that_is_still_recorded_is_refused(
    make_bag: MakeBag, monkeypatch: pytest.MonkeyPatch, alone: bool, vanishes: bool
) -> None:
    folder = make_bag()
    file = folder / "bag_0.db3"
    journal = folder / "bag_0.db3-journal"
    journal.write_bytes(b"journal")

    def store(*arguments: Any) -> list[RosbagFile]:
        if vanishes:
            journal.unlink(missing_ok=True)
        else:
            with file.open("ab") as stream:
                stream.write(bytes(4096))
        return store_files(*arguments)

    monkeypatch.setattr(imports, "store_files", store)
    code, result = import_bag(file if alone else folder)
    assert (code, result["status"], result["code"]) == (2, "rejected", "STILL_RECORDED")
    assert (journal.name if vanishes else file.name) in result["sentence"]
    assert not Rosbag.objects.exists()
    assert list(object_store().list("rosbags/")) == []


@pytest.mark.parametrize("link", ["odom.db3", "notes.txt", "more"])
def test_links_out_of_the_folder_are_refused(
    store: ObjectStore, make_bag: MakeBag, tmp_path: Path, link: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    folder = make_bag("course")
    (folder / link).symlink_to(outside if link == "more" else outside / "secret")
    code, result = import_bag(folder)
    assert (code, result["status"], result["code"], result["rosbag"]) == (
        2,
        "rejected",
        "PATH_UNSAFE",
        None,
    )
    assert link in result["sentence"]
    assert not Rosbag.objects.exists()


def test_a_link_within_the_folder_is_followed(store: ObjectStore, make_bag: MakeBag) -> None:
    folder = make_bag("course", messages=11)
    [file] = folder.glob("*.db3")
    file.rename(folder / "data")
    file.symlink_to("data")
    assert import_bag(folder)[1]["message_count"] == 11


def test_single_database_is_imported_with_its_journal(store: ObjectStore, tmp_path: Path) -> None:
    lone = database(tmp_path / "lone.db3", rows(3))
    with closing(sqlite3.connect(lone)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        for topic, time, data in rows(50)[3:]:
            values = (topic, time, data)
            connection.execute(
                "INSERT INTO messages (topic_id, timestamp, data) VALUES (?, ?, ?)", values
            )
        connection.commit()
        copy = tmp_path / "copy"
        copy.mkdir()
        for path in (lone, lone.with_name("lone.db3-wal")):
            shutil.copy(path, copy)
    code, result = import_bag(copy / "lone.db3")
    assert (code, result["status"], result["message_count"]) == (0, "repaired", 50)


def test_what_cannot_be_opened_is_said_in_a_sentence() -> None:
    code, result = import_bag(Path("long" * 100))
    assert (code, result["code"]) == (2, "FILE_UNREADABLE")
    assert result["sentence"].startswith("longlong")
    assert "Errno" not in result["sentence"]
