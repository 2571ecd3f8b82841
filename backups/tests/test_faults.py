"""Backups that are killed, refused, or meet missing and damaged objects."""

import hashlib
import io
import os
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from backups import create
from backups.engines import engine
from backups.exceptions import BusyError
from backups.mirror import OBJECTS, THREADS
from backups.tests.conftest import MakeSite, backup
from storage.models import Rosbag, RosbagFile
from storage.objects import backup_store, object_store
from storage.services.rosbags import deletion
from tests.support.world import until

pytestmark = pytest.mark.django_db(transaction=True)
postgresql = pytest.mark.skipif(connection.vendor == "sqlite", reason="programs of PostgreSQL")


def stored_file() -> RosbagFile:
    file = RosbagFile.objects.exclude(rosbag__status="uploading").first()
    assert file is not None
    return file


@contextmanager
def held_dump() -> Iterator[None]:
    """Let no backup complete, however late it is killed: the dump waits for a table."""
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("LOCK TABLE django_session IN ACCESS EXCLUSIVE MODE")
        yield


def lock_is_free() -> bool:
    """The database notices a moment later that the process which had the lock is gone."""
    try:
        with engine().lock():
            return True
    except BusyError:
        return False


def test_a_missing_object_is_named_and_the_rest_is_kept(
    places: Any, seeded: Any, repository: Any
) -> None:
    file = stored_file()
    object_store().delete([file.key])
    code, output = backup()
    assert (code, output["missing"]) == (1, [file.key])
    assert repository.manifest(output["backup"]).missing == [file.key]


def test_a_damaged_object_does_not_get_into_the_mirror(in_folders: Any, seeded: Any) -> None:
    file = stored_file()
    object_store().put(file.key, io.BytesIO(b"x" * file.size))
    code, output = backup()
    assert (code, output["missing"]) == (1, [file.key])
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
    code, output = backup()
    assert (code, output["missing"]) == (1, [file.key])
    assert output["copied"] > 1
    mirrored = [info.key.rpartition("/")[2] for info in backup_store().list(OBJECTS)]
    assert file.sha256 not in mirrored
    for name in mirrored:
        with backup_store().open(f"{OBJECTS}{name[:2]}/{name}") as kept:
            assert hashlib.sha256(kept.read()).hexdigest() == name


def test_an_object_purged_meanwhile_causes_another_dump(
    in_folders: Any, seeded: Any, monkeypatch: pytest.MonkeyPatch, repository: Any
) -> None:
    """A rosbag added after the first listing and purged before the second is in no kept dump."""
    late = Rosbag.objects.create(name="late", status="ready")
    key = f"rosbags/{late.pk}/metadata.yaml"
    stored_files, write_list = create.stored_files, create.BackupJob._write_list
    lists = []

    def add_late(alias: str = "default") -> Iterator[Any]:
        yield from stored_files(alias)
        if not lists and not late.files.exists():
            late.files.create(path="metadata.yaml", size=1, key=key, sha256="a" * 64)

    def purge(job: Any, *args: Any) -> Any:
        if not lists:
            deletion.discard(late)
        lists.append(args)
        return write_list(job, *args)

    monkeypatch.setattr(create, "stored_files", add_late)
    monkeypatch.setattr(create.BackupJob, "_write_list", purge)
    code, output = backup()
    assert (code, output["missing"]) == (0, [])
    assert len(lists) == 2
    manifest = repository.manifest(output["backup"])
    assert key not in [file.key for file in repository.files(manifest)]
    assert len(list(repository.store.list("database/"))) == 3


def test_a_killed_backup_is_continued(
    in_s3: Any, seeded: Any, make_site: MakeSite, repository: Any
) -> None:
    for number in range(60):  # enough that it can be met in the middle
        bag = Rosbag.objects.create(name=f"bag {number}", status="verifying")
        body = os.urandom(200_000)
        key = f"rosbags/{bag.pk}/data"
        object_store().put(key, io.BytesIO(body))
        bag.files.create(path="data", size=len(body), key=key)
    site = make_site(same=True)
    with held_dump():
        process = site.start("backup", "--json")
        until(lambda: len(list(backup_store().list(OBJECTS))) >= 5)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert repository.names() == []
    until(lock_is_free)
    kept = {info.key: info.modified for info in backup_store().list(OBJECTS)}
    assert len(kept) >= 5
    code, output = backup()
    assert code == 0
    # A copy in progress at the kill may have been completed by the server after the listing.
    late = len(list(backup_store().list(OBJECTS))) - len(kept) - output["copied"]
    assert 0 <= late <= THREADS
    after = {info.key: info.modified for info in backup_store().list(OBJECTS)}
    assert {key: after[key] for key in kept} == kept


def test_a_second_backup_at_the_same_time_is_refused(
    in_folders: Any, seeded: Any, make_site: MakeSite
) -> None:
    with engine().lock():
        code, output, _stderr = make_site(same=True).run("backup", "--json")
    assert code == 2
    assert "Another backup" in output["error"]
    assert backup()[0] == 0


def test_the_lock_is_free_after_a_failure(in_folders: Any, seeded: Any) -> None:
    with pytest.raises(ZeroDivisionError), engine().lock():
        raise ZeroDivisionError
    assert backup()[0] == 0


def test_rosbags_and_backups_in_one_bucket_are_refused(in_s3: Any, seeded: Any) -> None:
    in_s3.BACKUP_BUCKET = in_s3.MINIO_BUCKET
    code, output = backup()
    assert code == 2
    assert "set BACKUP_BUCKET" in output["error"]


def test_wrong_keys_are_reported_with_their_setting(in_s3: Any, seeded: Any) -> None:
    in_s3.BACKUP_ACCESS_KEY = "nobody"
    code, output = backup()
    assert code == 2
    assert "BACKUP_ENDPOINT refused" in output["error"]


def test_an_unreachable_server_is_reported_with_its_setting(
    in_s3: Any, seeded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_s3.BACKUP_ENDPOINT = "127.0.0.1:9"
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    code, output = backup()
    assert code == 2
    assert "check BACKUP_ENDPOINT" in output["error"]


@postgresql
def test_a_missing_pg_dump_is_reported(
    in_folders: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    code, output = backup()
    assert code == 2
    assert "pg_dump is not on PATH" in output["error"]
    assert "postgresql-client" in output["error"]


@postgresql
def test_programs_older_than_the_server_are_refused(
    in_folders: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in(tmp_path, 'echo "pg_dump (PostgreSQL) 9.6.24"')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    code, output = backup()
    assert code == 2
    assert "pg_dump has version 9" in output["error"]


@postgresql
def test_an_incomplete_dump_makes_no_backup(
    in_folders: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in(
        tmp_path,
        'case "$1" in --version) echo "pg_dump (PostgreSQL) 99.1";;\n'
        '*) echo half; echo "connection lost" >&2; exit 1;; esac',
    )
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    code, output = backup()
    assert code == 2
    assert "connection lost" in output["error"]
    assert list(backup_store().list("database/")) == []


@postgresql
def test_the_password_is_in_no_argument_and_no_log(
    in_folders: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make_site: MakeSite
) -> None:
    """A stand-in records its arguments and its environment."""
    record = tmp_path / "record"
    stand_in(
        tmp_path,
        'case "$1" in --version) echo "pg_dump (PostgreSQL) 99.1"; exit;; esac\n'
        f'tr "\\0" " " < /proc/$$/cmdline > {record}; tr "\\0" " " < /proc/$PPID/cmdline >> {record}\n'
        f"echo >> {record}\n"
        f'echo "env=$PGPASSWORD" >> {record}; env | grep -c ^SECRET_KEY >> {record}; echo x',
    )
    site = make_site(same=True)
    url = site.environment["DATABASE_URL"]
    site.environment["DATABASE_URL"] = url.replace("robotsim@", "robotsim:hush%21hush@", 1)
    site.environment["PATH"] = f"{tmp_path}{os.pathsep}{site.environment['PATH']}"
    code, _output, stderr = site.run("backup")
    assert code == 0, stderr
    lines = record.read_text().splitlines()
    assert "hush" not in lines[0]
    assert lines[-2:] == ["env=hush!hush", "0"]
    assert "hush" not in stderr


def stand_in(folder: Path, script: str) -> None:
    program = folder / "pg_dump"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
