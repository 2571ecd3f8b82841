"""The pages of the system: health with processes, background work, storage, settings without secrets."""

import re
from typing import Any

import msgspec
import pytest
from django.conf import settings as in_force
from django.utils import timezone

from accounts.choices import Role
from robotsim_project.console.system import settings_page
from robotsim_project.environment import BASE_DIR, env
from robotsim_project.processes import presence
from simulations.live import system
from simulations.services.maintenance import deletion
from simulations.tests.conftest import Console, Design
from storage.choices import Status
from storage.models import Export, Rosbag
from storage.services.exports import exports
from storage.services.exports.exports import ExportOptions
from storage.services.rosbags import deletion as rosbags
from storage.tasks import verify_rosbag

pytestmark = pytest.mark.django_db
ROW = re.compile(r"^\| `([A-Z_]+)` \| [^|]+ \| [^|]+ \|$", re.MULTILINE)


def test_processes_seen_lately(console: Console) -> None:
    now = timezone.now().timestamp()
    old = presence.Process(
        kind="worker", host="there", pid=7, version="0.0", started_at=now - 60, seen_at=now - 60
    )
    system.record_process(old.name, msgspec.json.encode(old))
    newer = msgspec.structs.replace(old, kind="server", seen_at=now)
    system.record_process(newer.name, msgspec.json.encode(newer))
    system.record_process("written by another version", b"{}")
    answer = console(Role.VIEWER).get("/admin/system/health/")
    assert [row.process.name for row in answer.context["processes"]] == ["server:there:7"]
    assert "another version than this server" in answer.content.decode()
    assert list(system.recorded_processes()) == ["server:there:7"]


def test_a_process_is_there_until_it_ends() -> None:
    with presence.reported("controller"):
        while not presence.processes():
            pass
    assert presence.processes() == []


def test_work_that_waits_runs_and_failed(console: Console, design: Design, rosbag: Rosbag) -> None:
    verify_rosbag.enqueue(rosbag.pk)
    exports.request(rosbag, ExportOptions("mcap", name="waits"))
    broken = exports.request(rosbag, ExportOptions("mcap", name="broke off"))
    ended = {"status": "failed", "ended_at": timezone.now()}
    Export.objects.filter(pk=broken.pk).update(**ended)
    Rosbag.objects.update(status=Status.REJECTED, code="VERIFICATION_BROKE_OFF")
    answer = console(Role.OPERATOR).get("/admin/system/work/")
    assert [job.work.name for job in answer.context["work"]] == ["waits"]
    assert {job.work.name for job in answer.context["failed"]} == {"broke off", rosbag.name}
    assert {(row.tasks.task, row.tasks.count) for row in answer.context["queue"]} >= {
        ("verify_rosbag", 1),
    }
    assert "Verify again" in answer.content.decode()
    assert "Verify again" not in console(Role.VIEWER).get("/admin/system/work/").content.decode()


def test_verify_again(console: Console, rosbag: Rosbag) -> None:
    Rosbag.objects.update(status=Status.REJECTED, code="VERIFICATION_BROKE_OFF")
    operator, verify = (
        console(Role.OPERATOR),
        f"/admin/storage/rosbag/{rosbag.pk}/act/verify_again/",
    )
    assert verify in operator.get("/admin/system/work/").content.decode()
    assert operator.post(verify).status_code == 302
    rosbag.refresh_from_db()
    assert rosbag.status == Status.VERIFYING


def test_failed_tasks_keep_their_arguments_from_others_than_admins(
    console: Console, rosbag: Rosbag
) -> None:
    for role, listed in ((Role.ADMIN, True), (Role.OPERATOR, False)):
        answer = console(role).get("/admin/system/work/")
        assert ("/admin/django_tasks_database/dbtaskresult/" in answer.content.decode()) is listed


def test_storage_by_kind(console: Console, rosbag: Rosbag, design: Design) -> None:
    client = console(Role.VIEWER)
    answer = client.get("/admin/system/storage/")
    kinds = {row.url.rpartition("?")[2]: row for row in answer.context["kinds"]}
    assert (kinds["origin__exact=uploaded"].count, answer.context["total"]) == (1, rosbag.size)
    assert answer.context["disk"][1] > 0
    assert [name for name, *_rest in answer.context["largest"]] == [rosbag.name]
    for row in answer.context["kinds"]:
        assert client.get(row.url).context["cl"].result_count == row.count, row
    deletion.request(design(name="old"))
    assert [job.work.name for job in client.get("/admin/system/storage/").context["deletions"]]


def test_deleted_rosbags_can_be_freed(console: Console, rosbag: Rosbag) -> None:
    client = console(Role.VIEWER)
    assert client.get("/admin/system/storage/").context["savings"] == []
    rosbags.delete(rosbag)
    assert "purge_deleted" in client.get("/admin/system/storage/").context["savings"][0]


def test_an_object_storage_does_not_say_its_room(
    console: Console, settings: Any, s3_settings: Any
) -> None:
    answer = console(Role.VIEWER).get("/admin/system/storage/")
    assert answer.context["disk"] is None
    assert settings.MINIO_BUCKET in answer.content.decode()


def documented() -> dict[str, list[str]]:
    """The settings of docs/configuration.md by heading."""
    page = (BASE_DIR / "docs" / "configuration.md").read_text(encoding="utf-8")
    sections = re.split(r"^#+ ", page, flags=re.MULTILINE)
    rows = {part.partition("\n")[0]: ROW.findall(part) for part in sections}
    return {title: names for title, names in rows.items() if names}


def test_every_documented_setting_is_shown(console: Console) -> None:
    answer = console(Role.ADMIN).get("/admin/system/settings/")
    shown = {str(title): {row.name for row in rows} for title, rows in answer.context["groups"]}
    assert "Others" not in shown
    assert {
        title: set(names) - shown.get(title, set()) for title, names in documented().items()
    } == {title: set() for title in documented()}


def test_no_secret_is_shown(console: Console, settings: Any, monkeypatch: Any) -> None:
    marker = "very-hidden-value"
    for name in settings_page.SECRETS:
        setattr(settings, name, marker)
    settings.REDIS_URL = f"redis://:{marker}@redis.example.org:6379/0"
    settings.OTEL_EXPORTER_OTLP_ENDPOINT = f"http://user:{marker}/@collector:4318"
    monkeypatch.setitem(in_force.DATABASES["default"], "PASSWORD", marker)
    text = console(Role.ADMIN).get("/admin/system/settings/").content.decode()
    assert marker not in text
    assert "redis.example.org" in text
    assert "a secret is set" in text


def test_settings_of_secrets_are_known() -> None:
    words = ("SECRET", "PASSWORD", "TOKEN", "_KEY", "DSN")
    harmless = re.compile(r"_(MINUTES|SECONDS|RATE|URL|DIR)$")
    suspects = {n for n in env.dump() if any(w in n for w in words) and not harmless.search(n)}
    assert suspects <= settings_page.SECRETS


def test_values_say_where_they_come_from(console: Console, monkeypatch: Any) -> None:
    monkeypatch.setenv("WEB_PORT", "8000")
    monkeypatch.delenv("WEB_WORKERS", raising=False)
    groups = console(Role.ADMIN).get("/admin/system/settings/").context["groups"]
    rows = {row.name: row for _title, rows in groups for row in rows}
    assert (rows["WEB_PORT"].is_set, rows["WEB_WORKERS"].is_set) == (True, False)
    assert rows["SESSION_IDLE_MINUTES"].value == "480"
    assert rows["DEBUG"].value == "false"
