"""Repairs of damaged rosbags: each is a rosbag of its own that refers to its original."""

from pathlib import Path

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from storage.choices import Origin, Status
from storage.keys import object_key
from storage.models import MAX_NAME_LENGTH, Rosbag, RosbagFile, RosbagTopic
from storage.querysets import RosbagQuerySet
from storage.services.intake.bundle_paths import files_of
from storage.services.rosbags.deletion import discard
from storage.services.rosbags.digest import content_digest
from storage.services.rosbags.files import delete_objects, store_folder
from storage.services.verification.results import Fields, UnpublishedRepair, fields_of_repaired


def usable_version(rosbag: Rosbag) -> Rosbag:
    """The rosbag to play: the repaired version of a damaged rosbag, else itself."""
    repair = rosbag.repaired if rosbag.status == Status.REPAIRED else None
    return repair if repair is not None and repair.deleted_at is None else rosbag


def find_repair(rosbag_id: int) -> Rosbag | None:
    """Find an existing usable repair of a rosbag."""
    return Rosbag.objects.usable().filter(original=rosbag_id, origin=Origin.REPAIRED).first()


def store_repair(
    original: Rosbag, folder: Path, fields: Fields, topics: list[RosbagTopic]
) -> UnpublishedRepair:
    """Store the repaired files of a rosbag as a new rosbag, which stays `UPLOADING` until `publish`.

    Raises:
        StoreError: The storage is unavailable or full; `remove_unfinished` removes the leftovers.
    """
    rosbag = Rosbag.objects.create(
        name=_("%(name)s (repaired)") % {"name": original.name[: MAX_NAME_LENGTH - 20]},
        origin=Origin.REPAIRED,
        original=original,
        status=Status.UPLOADING,
        created_by=original.created_by,
    )
    files = store_folder(rosbag, folder, sorted(files_of(folder)))
    for topic in topics:
        topic.rosbag = rosbag
    digest = content_digest((file.path, file.sha256) for file in files)
    size = sum(file.size for file in files)
    return UnpublishedRepair(
        rosbag, fields_of_repaired(fields) | {"content_digest": digest, "size": size}, files, topics
    )


def publish(repair: UnpublishedRepair) -> None:
    """Publish a repair, within the transaction that writes the verdict of the original."""
    unpublished = Rosbag.objects.filter(pk=repair.rosbag.pk, status=Status.UPLOADING)
    if unpublished.update(**repair.fields, updated_at=timezone.now()) != 1:
        message = "a repaired rosbag was aborted while its worker held the lease"
        raise RuntimeError(message)
    RosbagFile.objects.bulk_create(repair.files, batch_size=500)
    RosbagTopic.objects.bulk_create(repair.topics, batch_size=500)


def discard_repair(repair: UnpublishedRepair) -> None:
    """Discard an unpublished repair after the worker has lost its lease."""
    if _unpublished(repair.rosbag.original_id).filter(pk=repair.rosbag.pk).exists():
        _remove(repair.rosbag)
    else:  # another worker has removed the row already, but perhaps not all of its objects
        delete_objects(object_key(repair.rosbag.pk, ""))


def remove_unfinished(original_id: int) -> None:
    """Remove unfinished repairs that killed workers left behind; the caller holds the lease."""
    for row in _unpublished(original_id):
        _remove(row)


def _unpublished(original_id: int | None) -> RosbagQuerySet:
    return Rosbag.objects.filter(
        original=original_id, origin=Origin.REPAIRED, status=Status.UPLOADING
    )


def _remove(row: Rosbag) -> None:
    # Objects first, as only the row refers to them: after a kill in between, a retry finds it again.
    delete_objects(object_key(row.pk, ""))
    with transaction.atomic():
        discard(row)
