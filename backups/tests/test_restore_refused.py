"""Restores that are refused before anything has changed, or killed half-way."""

import io
import json
import signal
import time
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from backups import restore_marker
from backups.mirror import OBJECTS
from backups.repository import Repository
from backups.tests.conftest import MakeSite, Site, backup
from storage.models import RosbagFile
from storage.objects import backup_store
from storage.objects.base import ObjectStore

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def name(in_folders: Any, seeded: Any) -> str:
    return str(backup()[1]["backup"])


def flip_bit(store: ObjectStore, key: str) -> None:
    """Flip one bit in the middle of an object."""
    with store.open(key) as file:
        body = bytearray(file.read())
    body[len(body) // 2] ^= 1
    store.put(key, io.BytesIO(bytes(body)))


def refusal(site: Site, *options: str) -> str:
    code, output, stderr = site.call("restore", "--json", "--yes", *options)
    assert code == 2, (output, stderr)
    assert site.tables() == 0
    return str(output["error"])


@pytest.mark.parametrize("ending", [".dump", ".files.gz", ".json"])
def test_a_damaged_file_of_a_backup_is_refused(name: str, ending: str, make_site: MakeSite) -> None:
    flip_bit(backup_store(), f"database/{name}{ending}")
    assert "damaged" in refusal(make_site(), name)


def test_a_missing_dump_is_refused(name: str, make_site: MakeSite) -> None:
    backup_store().delete([f"database/{name}.dump"])
    assert "is missing or damaged" in refusal(make_site(), name)


def test_an_object_that_the_mirror_lacks_is_named(name: str, make_site: MakeSite) -> None:
    file = RosbagFile.objects.exclude(rosbag__status="uploading").first()
    assert file is not None
    backup_store().delete([f"{OBJECTS}{file.sha256[:2]}/{file.sha256}"])
    site = make_site()
    assert file.key in refusal(site, name)
    code, output, _stderr = site.call("restore", "--json", "--yes", "--incomplete", name)
    assert (code, output["healthy"]) == (1, False)
    assert file.key in output["missing"]


def test_a_damaged_object_in_the_mirror_is_refused(name: str, make_site: MakeSite) -> None:
    file = RosbagFile.objects.exclude(rosbag__status="uploading").first()
    assert file is not None
    flip_bit(backup_store(), f"{OBJECTS}{file.sha256[:2]}/{file.sha256}")
    assert "mirror lacks" in refusal(make_site(), name)


def test_a_backup_of_newer_code_is_refused(
    name: str, make_site: MakeSite, repository: Repository
) -> None:
    manifest = repository.manifest(name)
    later = replace(
        manifest, migrations=[*manifest.migrations, "storage.0999_later"], robotsim="9.0"
    )
    repository.save_manifest(later)
    error = refusal(make_site(), name)
    assert "storage.0999_later" in error
    assert "9.0" in error


def test_a_backup_of_older_code_is_migrated(in_folders: Any, make_site: MakeSite) -> None:
    old = make_site()
    assert old.call("migrate", "-v", "0")[0] == 0
    assert old.call("migrate", "-v", "0", "simulations", "0004")[0] == 0
    code, made, stderr = old.call("backup", "--json")
    assert code == 0, stderr
    site = make_site()
    code, output, stderr = site.call("restore", "--json", "--yes", made["backup"])
    assert code == 0, stderr
    assert "simulations.0005_mec_endpoint" in output["migrated"]
    assert site.call("migrate", "--check")[0] == 0


def test_a_backup_of_the_other_database_engine_is_refused(
    name: str, make_site: MakeSite, repository: Repository
) -> None:
    other = {"postgresql": "sqlite", "sqlite": "postgresql"}[connection.vendor]
    repository.save_manifest(replace(repository.manifest(name), engine=other))
    assert "DATABASE_URL" in refusal(make_site(), name)


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one version")
def test_a_backup_of_a_newer_server_is_refused(
    name: str, make_site: MakeSite, repository: Repository
) -> None:
    repository.save_manifest(replace(repository.manifest(name), server=99))
    assert "newer server" in refusal(make_site(), name)


def test_an_unknown_name_is_refused(name: str, make_site: MakeSite) -> None:
    assert "restore --list" in refusal(make_site(), "yesterday")


def test_without_a_terminal_yes_is_required(name: str, make_site: MakeSite) -> None:
    code, output, _stderr = make_site().run("restore", "--json", name)
    assert code == 2
    assert "--yes" in output["error"]


def test_other_clients_of_the_database_are_refused(name: str, make_site: MakeSite) -> None:
    site = make_site()
    site.call("migrate", "-v", "0")
    sleeper = site.start(
        *("shell", "-v", "0", "-c"),
        "from accounts.models import User; User.objects.count(); print('up', flush=True); "
        "import time; time.sleep(100)",
    )
    assert sleeper.stdout is not None
    assert sleeper.stdout.readline() == "up\n"
    code, output, _stderr = site.call("restore", "--json", "--yes", name)
    sleeper.kill()
    sleeper.communicate()
    assert code == 2
    assert "stop" in output["error"]
    assert site.call("restore", "--json", "--yes", name)[0] == 0


def test_a_restore_killed_after_the_load_is_continued(
    name: str, make_site: MakeSite, repository: Repository
) -> None:
    """The marker is left: the next backup is refused, the next restore finishes."""
    site = make_site()
    assert site.call("restore", "--json", "--yes", name)[0] == 0
    marker = restore_marker.sql(name, {"storage_rosbag": 777_000})
    site.run_code(
        "from django.db import connection\n"
        f"with connection.cursor() as c: [c.execute(s) for s in {marker.split(';')!r} if s.strip()]"
    )
    code, output, _stderr = site.call("backup", "--json")
    assert code == 2
    assert f"restore {name}" in output["error"]
    code, output, stderr = site.call("restore", "--json", "--yes", name)
    assert code == 0, (output, stderr)
    made = site.run_code(
        "from storage.models import Rosbag; print(Rosbag.objects.create(name='n').pk)"
    )
    assert int(made) > 777_000
    assert site.call("backup", "--json")[0] == 0


def test_a_restore_killed_during_the_load_has_changed_nothing(
    name: str, make_site: MakeSite, repository: Repository
) -> None:
    site = make_site()
    site.call("migrate", "-v", "0")
    before = site.tables()
    process = site.start("restore", "--yes", name)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Database"):
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        code, output, stderr = site.call("restore", "--json", "--yes", name)
        if "Other clients are connected" not in json.dumps(output):
            break
    # Killed before the COMMIT nothing has changed; after it, the marker lets the restore continue.
    assert code == 0, (output, stderr)
    assert site.tables() == before
