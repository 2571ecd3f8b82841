"""A backup restored into an empty system: same rows, same objects, no findings of the storage check."""

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
output = {m: apps.get_model(m).objects.count() for m in MODELS}
output["active"] = [e.status for e in apps.get_model("simulations.Execution").objects.all()]
output["next"] = [apps.get_model("storage.Rosbag").objects.create(name="next").pk]
output["sums"] = sorted(apps.get_model("storage.RosbagFile").objects.values_list("key", "sha256"))
output["sessions"] = apps.get_model("sessions.Session").objects.count()
from storage.objects import object_store
import hashlib
store = object_store()
keys = [info.key for info in store.list("rosbags/")]
output["objects"] = {key: hashlib.sha256(store.open(key).read()).hexdigest() for key in keys}
print(json.dumps(output))
"""


def test_an_empty_system_gets_everything(
    places: Any, seeded: Any, repository: Any, make_site: MakeSite
) -> None:
    assert repository.names() == []
    code, made = backup()
    assert (code, made["missing"]) == (0, [])
    files = RosbagFile.objects.exclude(rosbag__status="uploading")
    assert made["objects"] == files.count() > 0
    assert system.last_backup() == repository.manifest(made["backup"]).time.timestamp()
    site = make_site()
    code, restored, stderr = site.run("restore", "--json", "--yes")
    assert code == 0, stderr
    assert restored["healthy"]
    assert (restored["missing"], restored["wrong_size"], restored["orphaned"]) == ([], [], 0)
    assert restored["copied"] == files.count()
    names = [model._meta.label for model in COUNTED]
    output = json.loads(site.run_code(f"MODELS = {names!r}\n{COUNT}"))
    for model in COUNTED:
        assert output[model._meta.label] == model.objects.count()
    assert output["sums"] == [
        list(row) for row in sorted(RosbagFile.objects.values_list("key", "sha256"))
    ]
    assert output["objects"] == {
        key: sha for key, sha in output["sums"] if sha and key in contents()
    }
    assert output["sessions"] == 0
    # Nothing of the past is continued, and no id is used twice.
    assert not set(output["active"]) & (ACTIVE - {"STOPPING", "FINALIZING"})
    assert (
        restored["stopped_executions"]
        == Execution.objects.filter(status__in=ACTIVE - {"STOPPING", "FINALIZING"}).count()
    )
    assert output["next"][0] > Rosbag.objects.order_by("pk").last().pk + 1000  # type: ignore[union-attr]


def test_the_second_backup_copies_only_new_objects(in_folders: Any, seeded: Any) -> None:
    first = backup()[1]
    assert first["copied"] == len(set(contents().values()))
    second = backup()[1]
    assert (second["copied"], second["objects"]) == (0, first["objects"])
    assert second["backup"] > first["backup"]


def test_existing_objects_are_not_copied_back(in_s3: Any, seeded: Any, make_site: MakeSite) -> None:
    """The volume of the database was lost, the bucket was not."""
    backup()
    site = make_site()
    site.environment["MINIO_BUCKET"] = in_s3.MINIO_BUCKET
    code, restored, stderr = site.call("restore", "--json", "--yes")
    assert code == 0, (restored, stderr)
    assert restored["copied"] == 0
    assert restored["held"] == len(contents())


def test_a_system_that_is_not_empty_is_replaced_on_request(
    in_folders: Any, seeded: Any, make_site: MakeSite
) -> None:
    name = backup()[1]["backup"]
    site = make_site()
    assert site.call("restore", "--json", "--yes", name)[0] == 0
    before = site.run_code("from storage.models import Rosbag; print(Rosbag.objects.count())")
    code, output, _stderr = site.call("restore", "--json", "--yes", name)
    assert code == 2
    assert "--replace" in output["error"]
    site.run_code(
        "from storage.models import Rosbag; Rosbag.objects.create(name='after the backup')"
    )
    code, output, stderr = site.call("restore", "--json", "--yes", "--replace", name)
    assert code == 0, stderr
    assert (
        site.run_code("from storage.models import Rosbag; print(Rosbag.objects.count())") == before
    )


def test_a_migrated_system_without_rows_counts_as_empty(
    in_folders: Any, seeded: Any, make_site: MakeSite
) -> None:
    backup()
    site = make_site()
    assert site.call("migrate", "-v", "0")[0] == 0
    code, _output, stderr = site.call("restore", "--json", "--yes")
    assert code == 0, stderr


def test_a_file_without_a_checksum_is_backed_up_too(
    in_folders: Any, seeded: Any, repository: Any
) -> None:
    file = RosbagFile.objects.exclude(rosbag__status="uploading").first()
    assert file is not None
    sha256 = file.sha256
    RosbagFile.objects.filter(pk=file.pk).update(sha256="")
    name = backup()[1]["backup"]
    listed = {file.key: file.sha256 for file in repository.files(repository.manifest(name))}
    assert listed[file.key] == sha256


def test_database_and_objects_can_be_backed_up_apart(
    in_folders: Any, seeded: Any, repository: Any, make_site: MakeSite
) -> None:
    code, output = backup("--database-only")
    assert (code, output["copied"]) == (0, 0)
    assert not repository.manifest(output["backup"]).mirrored
    site = make_site()
    code, refusal, _stderr = site.call("restore", "--json", "--yes")
    assert code == 2
    assert "mirror lacks" in refusal["error"]
    code, output = backup("--objects-only")
    assert (code, output["backup"]) == (0, None)
    assert site.call("restore", "--json", "--yes")[0] == 0


def test_a_run_that_was_under_way_ends_after_a_restore(in_folders: Any, seeded: Any) -> None:
    """Called on the rows of this system instead of restored ones."""
    waiting = Execution.objects.filter(status="PENDING").first()
    assert waiting is not None
    after_restore.end_old_work({})
    waiting.refresh_from_db()
    assert waiting.status == "STOPPING"
    assert Event.objects.filter(execution=waiting).last().payload["status"] == "STOPPING"  # type: ignore[union-attr]


def test_the_list_names_all_backups(in_folders: Any, seeded: Any, capsys: Any) -> None:
    call_command("restore", "--list")
    assert "no backup yet" in capsys.readouterr().out
    name = backup()[1]["backup"]
    call_command("restore", "--list")
    assert name in capsys.readouterr().out
