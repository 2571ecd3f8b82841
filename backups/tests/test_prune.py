"""Pruning: which backups are kept, and which objects the mirror keeps for them."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from backups.mirror import OBJECTS
from backups.prune import prune
from backups.repository import Repository
from backups.tests.conftest import MakeSite, backup
from backups.tests.test_restore_refused import flip_bit
from storage.models import Rosbag
from storage.services.rosbags import deletion

pytestmark = pytest.mark.django_db(transaction=True)


def mirrored_keys(repository: Repository) -> set[str]:
    return {info.key for info in repository.store.list(OBJECTS)}


def lone_rosbag() -> Rosbag:
    """Return a rosbag that no template plays and no run recorded."""
    rosbag = Rosbag.objects.filter(templates=None, recording=None, status="ready").first()
    assert rosbag is not None
    return rosbag


def test_old_backups_are_removed_with_objects_only_they_need(
    places: Any, seeded: Any, repository: Repository
) -> None:
    first = backup()[1]["backup"]
    gone = lone_rosbag()
    digests = set(gone.files.values_list("sha256", flat=True))
    deletion.discard(gone)
    second = backup()[1]["backup"]
    before = mirrored_keys(repository)
    in_a_week = timezone.now() + timedelta(days=7)
    assert prune(repository, in_a_week, keep_days=30).objects == 0
    assert mirrored_keys(repository) == before
    removed = prune(repository, timezone.now() + timedelta(days=40), keep_days=30)
    assert removed.backups == 1
    assert repository.names() == [second] != [first]
    assert {key.rpartition("/")[2] for key in before - mirrored_keys(repository)} == digests


def test_the_newest_backups_stay_however_old(
    in_folders: Any, seeded: Any, repository: Repository
) -> None:
    complete = backup()[1]["backup"]
    backup("--database-only")
    newest = backup("--database-only")[1]["backup"]
    assert prune(repository, timezone.now() + timedelta(days=400), keep_days=30).backups == 1
    assert repository.names() == [complete, newest]


def test_a_backup_whose_rosbag_was_purged_is_restored(
    in_folders: Any, seeded: Any, make_site: MakeSite
) -> None:
    first = backup()[1]["backup"]
    deletion.discard(lone_rosbag())
    backup()
    assert make_site().call("restore", "--json", "--yes", first)[0] == 0


def test_no_object_is_removed_while_a_manifest_is_unreadable(
    in_folders: Any, seeded: Any, repository: Repository
) -> None:
    first = backup()[1]["backup"]
    deletion.discard(lone_rosbag())
    backup()
    before = mirrored_keys(repository)
    flip_bit(repository.store, f"database/{first}.json")
    assert prune(repository, timezone.now() + timedelta(days=2), keep_days=30).objects == 0
    assert mirrored_keys(repository) == before


def test_leftovers_of_killed_backups_are_removed_after_a_day(
    in_folders: Any, seeded: Any, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = backup()[1]["backup"]
    with repository.store.open(f"database/{name}.dump") as dump:
        repository.store.put("database/20200101T000000.000Z-0.dump", dump)
    assert repository.remove_stale() == 0
    tomorrow = timezone.now() + timedelta(days=2)
    monkeypatch.setattr("backups.repository.timezone.now", lambda: tomorrow)
    assert repository.remove_stale() == 1
    assert repository.names() == [name]


def test_an_unfinished_upload_of_a_killed_backup_is_aborted(
    in_s3: Any, repository: Repository
) -> None:
    repository.store.start_upload("database/half.dump")
    assert repository.store.abort_uploads("", timezone.now() - timedelta(days=1)) == 0
    assert repository.store.abort_uploads("", timezone.now() + timedelta(days=1)) == 1
    assert repository.store.abort_uploads("", timezone.now() + timedelta(days=1)) == 0
