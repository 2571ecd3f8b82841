"""Backups that are killed, refused, or find something wrong."""

import hashlib
import io
import os
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from backups import create
from backups.engines import engine
from backups.mirror import OBJECTS, THREADS
from backups.repository import Shelf
from backups.tests.conftest import MakeSite, backup
from storage.models import Rosbag, RosbagFile
from storage.objects import backup_store, object_store
from storage.services.rosbags import deletion

pytestmark = pytest.mark.django_db(transaction=True)
postgresql = pytest.mark.skipif(connection.vendor == "sqlite", reason="programs of PostgreSQL")


def stored_file() -> RosbagFile:
    file = RosbagFile.objects.exclude(rosbag__status="uploading").first()
    assert file is not None
    return file


def test_a_missing_object_is_named_and_the_rest_is_kept(
    places: Any, seeded: Any, shelf: Any
) -> None:
    file = stored_file()
    object_store().delete([file.key])
    code, told = backup()
    assert (code, told["missing"]) == (1, [file.key])
    assert shelf.manifest(told["backup"]).missing == [file.key]


def test_a_damaged_object_does_not_get_into_the_mirror(in_folders: Any, seeded: Any) -> None:
    file = stored_file()
    object_store().put(file.key, io.BytesIO(b"x" * file.size))
    code, told = backup()
    assert (code, told["missing"]) == (1, [file.key])
    assert not backup_store().stat(f"{OBJECTS}{file.sha256[:2]}/{file.sha256}")


def test_an_object_cut_short_in_s3_is_named(in_s3: Any, seeded: Any) -> None:
    file = stored_file()
    object_store().put(file.key, io.BytesIO(b"short"))
    assert backup()[1]["missing"] == [file.key]


def test_between_two_servers_what_is_copied_is_checked(in_s3: Any, seeded: Any) -> None:
    """By another name the same server is another one: objects pass through the command."""
    in_s3.BACKUP_ENDPOINT = in_s3.MINIO_ENDPOINT.replace("127.0.0.1", "localhost")
    file = stored_file()
    object_store().put(file.key, io.BytesIO(b"x" * file.size))
    code, told = backup()
    assert (code, told["missing"]) == (1, [file.key])
    assert told["copied"] > 1
    held = [each.key.rpartition("/")[2] for each in backup_store().list(OBJECTS)]
    assert file.sha256 not in held
    for name in held:
        with backup_store().open(f"{OBJECTS}{name[:2]}/{name}") as kept:
            assert hashlib.sha256(kept.read()).hexdigest() == name


def test_what_is_purged_meanwhile_makes_the_dump_be_taken_again(
    in_folders: Any, seeded: Any, monkeypatch: pytest.MonkeyPatch, shelf: Any
) -> None:
    """It came after the first look at the objects and went before the second: no kept dump names it."""
    late = Rosbag.objects.create(name="late", status="ready")
    key = f"rosbags/{late.pk}/metadata.yaml"
    wanted, write_list = create.wanted, create.Taker._list
    lists = []

    def come_late(alias: str = "default") -> Iterator[Any]:
        yield from wanted(alias)
        if not lists and not late.files.exists():
            late.files.create(path="metadata.yaml", size=1, key=key, sha256="a" * 64)

    def purge(taker: Any, *told: Any) -> Any:
        if not lists:
            deletion.discard(late)
        lists.append(told)
        return write_list(taker, *told)

    monkeypatch.setattr(create, "wanted", come_late)
    monkeypatch.setattr(create.Taker, "_list", purge)
    code, told = backup()
    assert (code, told["missing"]) == (0, [])
    assert len(lists) == 2
    assert [
        each.key for each in shelf.files(shelf.manifest(told["backup"])) if each.key == key
    ] == []
    assert len(list(shelf.store.list("database/"))) == 3


def test_one_that_was_killed_goes_on_where_it_was(
    in_s3: Any, seeded: Any, make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(60):  # enough that it can be met in the middle
        bag = Rosbag.objects.create(name=f"bag {number}", status="verifying")
        body = os.urandom(200_000)
        key = f"rosbags/{bag.pk}/data"
        object_store().put(key, io.BytesIO(body))
        bag.files.create(path="data", size=len(body), key=key)
    site = make_site(same=True)
    process = site.start("backup", "--json")
    deadline = time.monotonic() + 60
    while len(list(backup_store().list(OBJECTS))) < 5 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert Shelf(backup_store()).names() == []
    kept = {each.key: each.modified for each in backup_store().list(OBJECTS)}
    assert len(kept) >= 5
    code, told = backup()
    assert code == 0
    # A copy that the server had in hand at the kill may have landed after we looked.
    late = len(list(backup_store().list(OBJECTS))) - len(kept) - told["copied"]
    assert 0 <= late <= THREADS
    after = {each.key: each.modified for each in backup_store().list(OBJECTS)}
    assert {key: after[key] for key in kept} == kept


def test_two_at_once(in_folders: Any, seeded: Any, make_site: MakeSite) -> None:
    with engine().lock():
        code, told, _said = make_site(same=True).run("backup", "--json")
    assert code == 2
    assert "Another backup" in told["error"]
    assert backup()[0] == 0


def test_the_lock_is_free_after_a_failure(in_folders: Any, seeded: Any) -> None:
    with pytest.raises(ZeroDivisionError), engine().lock():
        raise ZeroDivisionError
    assert backup()[0] == 0


def test_rosbags_and_backups_in_one_bucket_are_refused(in_s3: Any, seeded: Any) -> None:
    in_s3.BACKUP_BUCKET = in_s3.MINIO_BUCKET
    code, told = backup()
    assert code == 2
    assert "another BACKUP_BUCKET" in told["error"]


def test_wrong_keys_and_an_absent_server_are_told_with_their_setting(
    in_s3: Any, seeded: Any
) -> None:
    in_s3.BACKUP_ACCESS_KEY = "nobody"
    code, told = backup()
    assert code == 2
    assert "BACKUP_ENDPOINT refused" in told["error"]


def test_a_server_that_is_away(in_s3: Any, seeded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    in_s3.BACKUP_ENDPOINT = "127.0.0.1:9"
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    code, told = backup()
    assert code == 2
    assert "check BACKUP_ENDPOINT" in told["error"]


@postgresql
def test_without_the_programs(
    in_folders: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    code, told = backup()
    assert code == 2
    assert "pg_dump is not on PATH" in told["error"]
    assert "postgresql-client" in told["error"]


@postgresql
def test_programs_older_than_the_server(
    in_folders: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in(tmp_path, 'echo "pg_dump (PostgreSQL) 9.6.24"')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    code, told = backup()
    assert code == 2
    assert "pg_dump is of version 9" in told["error"]


@postgresql
def test_a_dump_that_breaks_off_does_not_count(
    in_folders: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in(
        tmp_path,
        'case "$1" in --version) echo "pg_dump (PostgreSQL) 99.1";;\n'
        '*) echo half; echo "connection lost" >&2; exit 1;; esac',
    )
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    code, told = backup()
    assert code == 2
    assert "connection lost" in told["error"]
    assert list(backup_store().list("database/")) == []


@postgresql
def test_the_password_is_in_no_argument_and_no_log(
    in_folders: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make_site: MakeSite
) -> None:
    """A stand-in notes how it is called, and that the password came by the environment."""
    noted = tmp_path / "noted"
    stand_in(
        tmp_path,
        'case "$1" in --version) echo "pg_dump (PostgreSQL) 99.1"; exit;; esac\n'
        f'tr "\\0" " " < /proc/$$/cmdline > {noted}; tr "\\0" " " < /proc/$PPID/cmdline >> {noted}\n'
        f"echo >> {noted}\n"
        f'echo "env=$PGPASSWORD" >> {noted}; env | grep -c ^SECRET_KEY >> {noted}; echo x',
    )
    site = make_site(same=True)
    url = site.environment["DATABASE_URL"]
    site.environment["DATABASE_URL"] = url.replace("robotsim@", "robotsim:hush%21hush@", 1)
    site.environment["PATH"] = f"{tmp_path}{os.pathsep}{site.environment['PATH']}"
    code, _told, said = site.run("backup")
    assert code == 0, said
    told = noted.read_text().splitlines()
    assert "hush" not in told[0]
    assert told[-2:] == ["env=hush!hush", "0"]
    assert "hush" not in said


def stand_in(folder: Path, script: str) -> None:
    program = folder / "pg_dump"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
