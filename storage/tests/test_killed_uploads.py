"""Servers and commands that are killed while a bundle comes in: nothing stays, no second one is shown."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from common.recovery import recover
from storage.choices import Origin, Status
from storage.models import Rosbag
from storage.objects import object_store
from storage.objects.base import ObjectStore
from storage.services.intake import abandoning, imports, uploads
from storage.services.intake.uploads import NewFile
from storage.services.verification import verifier
from storage.tests.conftest import MakeBag
from storage.tests.test_store import send
from storage.tests.test_uploads import described, send_all

pytestmark = pytest.mark.django_db(transaction=True)


class Killed(BaseException):
    """The end of a process: nothing of it runs any more."""


def kill_after(patch: pytest.MonkeyPatch, where: Any, name: str) -> None:
    """Kill the process after one step."""
    step = getattr(where, name)

    def killed(*args: Any, **kwargs: Any) -> Any:
        step(*args, **kwargs)
        raise Killed

    patch.setattr(where, name, killed)


def recovered() -> None:
    """Do the work of controller and worker after the lease of a dead process has ended."""
    now = timezone.now()
    Rosbag.objects.exclude(lease_until=None).update(lease_until=now - timedelta(seconds=1))
    Rosbag.objects.exclude(enqueued_at=None).update(enqueued_at=now - timedelta(seconds=2))
    recover()
    call_command("db_worker", batch=True, startup_delay=False, verbosity=0, stdout=StringIO())


def left_in(store: ObjectStore) -> tuple[list[str], int]:
    """The keys of all objects, and the number of open uploads, which are removed."""
    return [stored.key for stored in store.list("rosbags/")], store.abort_uploads("rosbags/")


@pytest.mark.parametrize("step", ["create", "store_files", "content_digest"])
def test_a_killed_import_is_abandoned(
    make_bag: MakeBag, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    folder, store = make_bag(), object_store()
    with monkeypatch.context() as patch:
        kill_after(patch, Rosbag.objects if step == "create" else imports, step)
        patch.setattr(imports, "discard", lambda _rosbag: None)  # what no dead process does
        with pytest.raises(Killed):
            imports.import_folder(folder)
    again = verifier.run(imports.import_folder(folder).pk)
    recovered()
    assert list(Rosbag.objects.living()) == [again]
    keys, open_uploads = left_in(store)
    assert set(keys) == set(again.files.values_list("key", flat=True))
    assert open_uploads == 0


def test_a_living_import_is_left_alone(make_bag: MakeBag, monkeypatch: pytest.MonkeyPatch) -> None:
    store_files, recoveries = imports.store_files, []

    def slow(*args: Any) -> Any:
        recoveries.append(recover())
        return store_files(*args)

    monkeypatch.setattr(imports, "store_files", slow)
    assert imports.import_folder(make_bag()).status == Status.VERIFYING
    assert recoveries
    assert not any(recoveries)


def test_an_upload_that_a_killed_server_opened_goes_with_the_verification(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.UPLOAD_PART_BYTES = 5 * 2**20
    rosbag = uploads.begin("bag", [NewFile("a.db3", 5 * 2**20 + 1, "")], origin=Origin.RECORDED)
    with monkeypatch.context() as patch:
        kill_after(patch, type(store), "start_upload")
        with pytest.raises(Killed):
            uploads.sign_part_urls(rosbag, audience="unit")
    [plan] = uploads.sign_part_urls(rosbag, audience="unit")
    for part in plan.parts:
        send(store, part.url, bytes(part.size))
    uploads.complete(rosbag, [])
    assert verifier.run(rosbag.pk).code == "METADATA_MISSING"
    assert left_in(store)[1] == 0


@pytest.mark.parametrize("step", ["_hide", "_remove"])
def test_a_half_abandoned_upload_is_hidden_and_removed(
    make_bag: MakeBag, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    folder, store = make_bag(), object_store()
    rosbag = uploads.begin("bag", described(folder), origin=Origin.UPLOADED)
    send_all(store, folder, uploads.sign_part_urls(rosbag, audience="unit"))
    with monkeypatch.context() as patch:
        kill_after(patch, abandoning, step)
        with pytest.raises(Killed):
            abandoning.abandon(rosbag)
    assert not Rosbag.objects.living().exists()
    recovered()
    assert left_in(store) == ([], 0)
    recovered()
    assert not abandoning.unfinished().exists()
