"""A backup, restored into an empty system: the same rows, the same objects, a clean storage."""

import json
from typing import Any

import pytest
from django.core.management import call_command

from backups import after_restore
from backups.tests.conftest import MakeSite, backup, contents
from simulations.choices import ACTIVE
from simulations.live import system
from simulations.models import AgentRun, Event, Execution, StageRun
from storage.models import Rosbag, RosbagFile, RosbagTopic

pytestmark = pytest.mark.django_db(transaction=True)

COUNTED = (Rosbag, RosbagFile, RosbagTopic, Execution, StageRun, AgentRun)
COUNT = """
import json
from django.apps import apps
told = {m: apps.get_model(m).objects.count() for m in MODELS}
told["active"] = [e.status for e in apps.get_model("simulations.Execution").objects.all()]
told["next"] = [apps.get_model("storage.Rosbag").objects.create(name="next").pk]
told["sums"] = sorted(apps.get_model("storage.RosbagFile").objects.values_list("key", "sha256"))
told["sessions"] = apps.get_model("sessions.Session").objects.count()
from storage.objects import object_store
import hashlib
store = object_store()
keys = [each.key for each in store.list("rosbags/")]
told["objects"] = {key: hashlib.sha256(store.open(key).read()).hexdigest() for key in keys}
print(json.dumps(told))
"""


def test_an_empty_system_gets_everything(
    places: Any, seeded: Any, shelf: Any, make_site: MakeSite
) -> None:
    assert shelf.names() == []
    code, made = backup()
    assert (code, made["missing"]) == (0, [])
    files = RosbagFile.objects.exclude(rosbag__status="uploading")
    assert made["objects"] == files.count() > 0
    assert system.backup_seen() == shelf.manifest(made["backup"]).time.timestamp()
    site = make_site()
    code, restored, said = site.run("restore", "--json", "--yes")
    assert code == 0, said
    assert restored["healthy"]
    assert (restored["missing"], restored["wrong_size"], restored["orphaned"]) == ([], [], 0)
    assert restored["copied"] == files.count()
    names = [model._meta.label for model in COUNTED]
    told = json.loads(site.ask(f"MODELS = {names!r}\n{COUNT}"))
    for model in COUNTED:
        assert told[model._meta.label] == model.objects.count()
    assert told["sums"] == [
        list(row) for row in sorted(RosbagFile.objects.values_list("key", "sha256"))
    ]
    assert told["objects"] == {key: sha for key, sha in told["sums"] if sha and key in contents()}
    assert told["sessions"] == 0
    # Nothing of the past goes on by itself, and no id is given twice.
    assert not set(told["active"]) & (ACTIVE - {"STOPPING", "FINALIZING"})
    assert (
        restored["stopped_executions"]
        == Execution.objects.filter(status__in=ACTIVE - {"STOPPING", "FINALIZING"}).count()
    )
    assert told["next"][0] > Rosbag.objects.order_by("pk").last().pk + 1000  # type: ignore[union-attr]


def test_the_second_one_copies_what_is_new(in_folders: Any, seeded: Any) -> None:
    first = backup()[1]
    assert first["copied"] == len(set(contents().values()))
    second = backup()[1]
    assert (second["copied"], second["objects"]) == (0, first["objects"])
    assert second["backup"] > first["backup"]


def test_what_is_there_already_is_not_copied_back(
    in_s3: Any, seeded: Any, make_site: MakeSite
) -> None:
    """The volume of the database was lost, the bucket was not."""
    backup()
    site = make_site()
    site.environment["MINIO_BUCKET"] = in_s3.MINIO_BUCKET
    code, restored, said = site.run("restore", "--json", "--yes")
    assert code == 0, (restored, said)
    assert restored["copied"] == 0
    assert restored["held"] == len(contents())


def test_a_system_that_is_not_empty_is_replaced_when_told(
    in_folders: Any, seeded: Any, make_site: MakeSite
) -> None:
    name = backup()[1]["backup"]
    site = make_site()
    assert site.run("restore", "--json", "--yes", name)[0] == 0
    before = site.ask("from storage.models import Rosbag; print(Rosbag.objects.count())")
    code, told, _said = site.run("restore", "--json", "--yes", name)
    assert code == 2
    assert "--replace" in told["error"]
    site.ask("from storage.models import Rosbag; Rosbag.objects.create(name='after the backup')")
    code, told, said = site.run("restore", "--json", "--yes", "--replace", name)
    assert code == 0, said
    assert site.ask("from storage.models import Rosbag; print(Rosbag.objects.count())") == before


def test_a_migrated_system_without_rows_counts_as_empty(
    in_folders: Any, seeded: Any, make_site: MakeSite
) -> None:
    backup()
    site = make_site()
    assert site.run("migrate", "-v", "0")[0] == 0
    code, _told, said = site.run("restore", "--json", "--yes")
    assert code == 0, said


def test_a_file_without_a_known_checksum_is_kept_too(
    in_folders: Any, seeded: Any, shelf: Any
) -> None:
    file = RosbagFile.objects.exclude(rosbag__status="uploading").first()
    assert file is not None
    sha256 = file.sha256
    RosbagFile.objects.filter(pk=file.pk).update(sha256="")
    name = backup()[1]["backup"]
    listed = {each.key: each.sha256 for each in shelf.files(shelf.manifest(name))}
    assert listed[file.key] == sha256


def test_the_two_halves(in_folders: Any, seeded: Any, shelf: Any, make_site: MakeSite) -> None:
    code, told = backup("--database-only")
    assert (code, told["copied"]) == (0, 0)
    assert not shelf.manifest(told["backup"]).mirrored
    site = make_site()
    code, refused, _said = site.run("restore", "--json", "--yes")
    assert code == 2
    assert "mirror lacks" in refused["error"]
    code, told = backup("--objects-only")
    assert (code, told["backup"]) == (0, None)
    assert site.run("restore", "--json", "--yes")[0] == 0


def test_a_run_that_was_under_way_ends_after_a_restore(in_folders: Any, seeded: Any) -> None:
    """What the restore does to it, on the rows themselves."""
    waiting = Execution.objects.filter(status="PENDING").first()
    assert waiting is not None
    after_restore.settle({})
    waiting.refresh_from_db()
    assert waiting.status == "STOPPING"
    assert Event.objects.filter(execution=waiting).last().payload["status"] == "STOPPING"  # type: ignore[union-attr]


def test_the_list_names_what_there_is(in_folders: Any, seeded: Any, capsys: Any) -> None:
    call_command("restore", "--list")
    assert "no backup yet" in capsys.readouterr().out
    name = backup()[1]["backup"]
    call_command("restore", "--list")
    assert name in capsys.readouterr().out
