"""Deleting rosbags: hidden at once, removed later, kept while needed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from storage.choices import Origin
from storage.client import object_store
from storage.client.base import ObjectStore
from storage.exceptions import RosbagInUseError, RosbagNotFoundError
from storage.models import Rosbag
from storage.services import deletion, intake, uploads, verification
from storage.tests.conftest import MakeBag
from templates.models import Template
from templates.services import templates

pytestmark = pytest.mark.django_db


def test_a_deleted_rosbag_is_hidden_then_removed(store: ObjectStore, make_bag: MakeBag) -> None:
    rosbag = intake.import_folder(make_bag())
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


def test_a_deleted_rosbag_can_come_back_until_it_is_removed(make_bag: MakeBag) -> None:
    rosbag = verification.run(intake.import_folder(make_bag()).pk)
    deletion.delete(rosbag)
    deletion.restore(rosbag)
    assert rosbag.usable
    deletion.delete(rosbag)
    deletion.purge(timedelta(0))
    with pytest.raises(RosbagNotFoundError):
        deletion.restore(rosbag)


def test_a_rosbag_that_a_template_plays_stays(make_bag: MakeBag) -> None:
    rosbag = verification.run(intake.import_folder(make_bag()).pk)
    template = templates.create(name="Loader", rosbag=rosbag)
    with pytest.raises(RosbagInUseError, match="Loader"):
        deletion.delete(rosbag)
    templates.delete(template)
    deletion.delete(rosbag)
    assert rosbag.deleted_at is not None


def test_a_purge_keeps_what_a_row_points_at_and_goes_on(make_bag: MakeBag) -> None:
    kept = verification.run(intake.import_folder(make_bag("kept")).pk)
    gone = intake.import_folder(make_bag("gone", messages=3))
    templates.delete(templates.create(name="Loader", rosbag=kept))
    deletion.delete(kept)
    deletion.delete(gone)
    assert deletion.purge(timedelta(0)) == 1
    assert list(Rosbag.objects.all()) == [kept]
    assert len(list(object_store().list(f"rosbags/{kept.pk}/"))) == 2
    Template.objects.all().delete()
    assert deletion.purge(timedelta(0)) == 1


def test_a_purge_ends_open_uploads(store: ObjectStore) -> None:
    file = uploads.NewFile("a.db3", 10, "0" * 64)
    rosbag = uploads.begin("bag", [file], origin=Origin.RECORDED)
    [plan] = uploads.addresses(rosbag, audience="unit")
    deletion.delete(rosbag)
    assert deletion.purge(timedelta(0)) == 1
    with pytest.raises(FileNotFoundError):
        store.list_parts(f"rosbags/{rosbag.pk}/a.db3", plan.upload_id)
