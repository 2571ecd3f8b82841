"""Which backups are kept, and what the mirror keeps for them."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from backups.mirror import OBJECTS
from backups.prune import thin
from backups.repository import Shelf
from backups.tests.conftest import MakeSite, backup
from backups.tests.test_restore_refused import spoil
from storage.models import Rosbag
from storage.services.rosbags import deletion

pytestmark = pytest.mark.django_db(transaction=True)


def held(shelf: Shelf) -> set[str]:
    return {each.key for each in shelf.store.list(OBJECTS)}


def lone_rosbag() -> Rosbag:
    """One that no template plays and no run recorded."""
    rosbag = Rosbag.objects.filter(templates=None, recording=None, status="ready").first()
    assert rosbag is not None
    return rosbag


def test_old_ones_go_and_take_what_only_they_need(places: Any, seeded: Any, shelf: Shelf) -> None:
    first = backup()[1]["backup"]
    gone = lone_rosbag()
    digests = set(gone.files.values_list("sha256", flat=True))
    deletion.discard(gone)
    second = backup()[1]["backup"]
    whole = held(shelf)
    in_a_week = timezone.now() + timedelta(days=7)
    assert thin(shelf, in_a_week, keep_days=30).objects == 0
    assert held(shelf) == whole
    removed = thin(shelf, timezone.now() + timedelta(days=40), keep_days=30)
    assert removed.backups == 1
    assert shelf.names() == [second] != [first]
    assert {key.rpartition("/")[2] for key in whole - held(shelf)} == digests


def test_the_newest_stays_however_old(in_folders: Any, seeded: Any, shelf: Shelf) -> None:
    whole = backup()[1]["backup"]
    backup("--database-only")
    newest = backup("--database-only")[1]["backup"]
    assert thin(shelf, timezone.now() + timedelta(days=400), keep_days=30).backups == 1
    assert shelf.names() == [whole, newest]


def test_a_backup_whose_rosbag_was_purged_is_restored(
    in_folders: Any, seeded: Any, make_site: MakeSite
) -> None:
    first = backup()[1]["backup"]
    deletion.discard(lone_rosbag())
    backup()
    assert make_site().run("restore", "--json", "--yes", first)[0] == 0


def test_nothing_is_removed_while_a_kept_one_cannot_be_read(
    in_folders: Any, seeded: Any, shelf: Shelf
) -> None:
    first = backup()[1]["backup"]
    deletion.discard(lone_rosbag())
    backup()
    whole = held(shelf)
    spoil(shelf.store, f"database/{first}.json")
    assert thin(shelf, timezone.now() + timedelta(days=2), keep_days=30).objects == 0
    assert held(shelf) == whole


def test_what_killed_backups_left_is_swept_after_a_day(
    in_folders: Any, seeded: Any, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = backup()[1]["backup"]
    with shelf.store.open(f"database/{name}.dump") as dump:
        shelf.store.put("database/20200101T000000.000Z-0.dump", dump)
    assert shelf.sweep() == 0
    tomorrow = timezone.now() + timedelta(days=2)
    monkeypatch.setattr("backups.repository.timezone.now", lambda: tomorrow)
    assert shelf.sweep() == 1
    assert shelf.names() == [name]


def test_an_upload_that_a_killed_writer_left_is_aborted(in_s3: Any, shelf: Shelf) -> None:
    shelf.store.start_upload("database/half.dump")
    assert shelf.store.abort_stale("", timezone.now() - timedelta(days=1)) == 0
    assert shelf.store.abort_stale("", timezone.now() + timedelta(days=1)) == 1
    assert shelf.store.abort_stale("", timezone.now() + timedelta(days=1)) == 0
