"""What a restore refuses, before anything has changed; and one that is killed half-way."""

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
from backups.repository import Shelf
from backups.tests.conftest import MakeSite, Site, backup
from storage.models import RosbagFile
from storage.objects import backup_store
from storage.objects.base import ObjectStore

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def name(in_folders: Any, seeded: Any) -> str:
    return str(backup()[1]["backup"])


def spoil(store: ObjectStore, key: str) -> None:
    """Turn one bit in the middle of it."""
    with store.open(key) as file:
        body = bytearray(file.read())
    body[len(body) // 2] ^= 1
    store.put(key, io.BytesIO(bytes(body)))


def refused(site: Site, *options: str) -> str:
    code, told, said = site.run("restore", "--json", "--yes", *options)
    assert code == 2, (told, said)
    assert site.tables() == 0
    return str(told["error"])


@pytest.mark.parametrize("ending", [".dump", ".files.gz", ".json"])
def test_a_damaged_part(name: str, ending: str, make_site: MakeSite) -> None:
    spoil(backup_store(), f"database/{name}{ending}")
    assert "damaged" in refused(make_site(), name)


def test_a_dump_that_is_gone(name: str, make_site: MakeSite) -> None:
    backup_store().delete([f"database/{name}.dump"])
    assert "is missing or damaged" in refused(make_site(), name)


def test_an_object_that_the_mirror_lacks_is_named(name: str, make_site: MakeSite) -> None:
    file = RosbagFile.objects.exclude(rosbag__status="uploading").first()
    assert file is not None
    backup_store().delete([f"{OBJECTS}{file.sha256[:2]}/{file.sha256}"])
    site = make_site()
    assert file.key in refused(site, name)
    code, told, _said = site.run("restore", "--json", "--yes", "--incomplete", name)
    assert (code, told["healthy"]) == (1, False)
    assert file.key in told["missing"]


def test_a_damaged_object_in_the_mirror(name: str, make_site: MakeSite) -> None:
    file = RosbagFile.objects.exclude(rosbag__status="uploading").first()
    assert file is not None
    spoil(backup_store(), f"{OBJECTS}{file.sha256[:2]}/{file.sha256}")
    assert "mirror lacks" in refused(make_site(), name)


def test_a_backup_of_newer_code(name: str, make_site: MakeSite, shelf: Shelf) -> None:
    manifest = shelf.manifest(name)
    later = replace(
        manifest, migrations=[*manifest.migrations, "storage.0999_later"], robotsim="9.0"
    )
    shelf.save_manifest(later)
    error = refused(make_site(), name)
    assert "storage.0999_later" in error
    assert "9.0" in error


def test_a_backup_of_older_code_is_migrated(in_folders: Any, make_site: MakeSite) -> None:
    old = make_site()
    assert old.run("migrate", "-v", "0")[0] == 0
    assert old.run("migrate", "-v", "0", "simulations", "0004")[0] == 0
    code, made, said = old.run("backup", "--json")
    assert code == 0, said
    site = make_site()
    code, told, said = site.run("restore", "--json", "--yes", made["backup"])
    assert code == 0, said
    assert "simulations.0005_mec_endpoint" in told["migrated"]
    assert site.run("migrate", "--check")[0] == 0


def test_a_backup_of_the_other_kind_of_database(
    name: str, make_site: MakeSite, shelf: Shelf
) -> None:
    other = {"postgresql": "sqlite", "sqlite": "postgresql"}[connection.vendor]
    shelf.save_manifest(replace(shelf.manifest(name), engine=other))
    assert "DATABASE_URL" in refused(make_site(), name)


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one version")
def test_a_backup_of_a_newer_server(name: str, make_site: MakeSite, shelf: Shelf) -> None:
    shelf.save_manifest(replace(shelf.manifest(name), server=99))
    assert "newer server" in refused(make_site(), name)


def test_an_unknown_name(name: str, make_site: MakeSite) -> None:
    assert "restore --list" in refused(make_site(), "yesterday")


def test_nobody_is_asked_where_there_is_no_terminal(name: str, make_site: MakeSite) -> None:
    code, told, _said = make_site().run("restore", "--json", name)
    assert code == 2
    assert "--yes" in told["error"]


def test_others_at_work(name: str, make_site: MakeSite) -> None:
    site = make_site()
    site.run("migrate", "-v", "0")
    sleeper = site.start(
        *("shell", "-v", "0", "-c"),
        "from accounts.models import User; User.objects.count(); print('up', flush=True); "
        "import time; time.sleep(100)",
    )
    assert sleeper.stdout is not None
    assert sleeper.stdout.readline() == "up\n"
    code, told, _said = site.run("restore", "--json", "--yes", name)
    sleeper.kill()
    sleeper.communicate()
    assert code == 2
    assert "first" in told["error"]
    assert site.run("restore", "--json", "--yes", name)[0] == 0


def test_one_killed_after_the_load_goes_on(name: str, make_site: MakeSite, shelf: Shelf) -> None:
    """What is left then is the mark; the next backup refuses, the next restore finishes."""
    site = make_site()
    assert site.run("restore", "--json", "--yes", name)[0] == 0
    mark = restore_marker.sql(name, {"storage_rosbag": 777_000})
    site.ask(
        "from django.db import connection\n"
        f"with connection.cursor() as c: [c.execute(s) for s in {mark.split(';')!r} if s.strip()]"
    )
    code, told, _said = site.run("backup", "--json")
    assert code == 2
    assert f"restore {name}" in told["error"]
    code, told, said = site.run("restore", "--json", "--yes", name)
    assert code == 0, (told, said)
    made = site.ask("from storage.models import Rosbag; print(Rosbag.objects.create(name='n').pk)")
    assert int(made) > 777_000
    assert site.run("backup", "--json")[0] == 0


def test_one_killed_during_the_load_has_changed_nothing(
    name: str, make_site: MakeSite, shelf: Shelf
) -> None:
    site = make_site()
    site.run("migrate", "-v", "0")
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
        code, told, said = site.run("restore", "--json", "--yes", name)
        if "Others are connected" not in json.dumps(told):
            break
    # Killed before its last line nothing was changed; after it, the mark lets the restore go on.
    assert code == 0, (told, said)
    assert site.tables() == before
