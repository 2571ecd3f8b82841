"""Deleting rosbags: hidden at once, removed later, kept while needed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from storage.choices import Origin
from storage.exceptions import RosbagNotFoundError
from storage.models import Rosbag
from storage.objects.base import ObjectStore
from storage.services.intake import imports, uploads
from storage.services.rosbags import deletion
from storage.tests.conftest import MakeBag
from storage.tests.test_store import send
from tests.support.bags import stored_bag

pytestmark = pytest.mark.django_db


def test_deleted_rosbag_is_hidden_and_later_purged(store: ObjectStore, make_bag: MakeBag) -> None:
    rosbag = imports.import_folder(make_bag())
    deletion.delete(rosbag)
    first = rosbag.deleted_at
    deletion.delete(rosbag)
    assert rosbag.deleted_at == first is not None
    assert not rosbag.usable
    assert not Rosbag.objects.living().exists()
    assert deletion.purge(timedelta(days=1)) == 0
    assert len(list(store.list("rosbags/"))) == 2
    Rosbag.objects.update(deleted_at=timezone.now() - timedelta(days=2))
    assert deletion.purge(timedelta(days=1)) == 1
    assert list(store.list("rosbags/")) == []
    assert not Rosbag.objects.exists()


def test_deleted_rosbag_can_be_restored_until_purged(make_bag: MakeBag) -> None:
    rosbag = stored_bag(make_bag())
    deletion.delete(rosbag)
    deletion.restore(rosbag)
    assert rosbag.usable
    deletion.delete(rosbag)
    deletion.purge(timedelta(0))
    with pytest.raises(RosbagNotFoundError):
        deletion.restore(rosbag)


def test_purge_aborts_open_uploads(store: ObjectStore) -> None:
    file = uploads.NewFile("a.db3", 10, "0" * 64)
    rosbag = uploads.begin("bag", [file], origin=Origin.RECORDED)
    [plan] = uploads.sign_part_urls(rosbag, audience="unit")
    send(store, plan.parts[0].url, bytes(10))
    deletion.delete(rosbag)
    assert deletion.purge(timedelta(0)) == 1
    assert store.abort_uploads("rosbags/") == 0
