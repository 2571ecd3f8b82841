"""What is made of a damaged rosbag: a rosbag of its own, which points at the original."""

from pathlib import Path

from django.db import transaction
from django.utils import timezone

from storage.choices import Origin, Status
from storage.keys import object_key
from storage.models import Rosbag, RosbagFile, RosbagTopic
from storage.objects import object_store
from storage.querysets import RosbagQuerySet
from storage.services.intake.bundle_paths import files_of
from storage.services.rosbags.deletion import discard
from storage.services.rosbags.digest import content_digest
from storage.services.verification.fetching import put
from storage.services.verification.findings import Draft, Facts, of_repaired


def usable_of(rosbag: Rosbag) -> Rosbag:
    """The rosbag to play: what was made of it where it was repaired, else itself."""
    made = rosbag.repaired if rosbag.status == Status.REPAIRED else None
    return made if made is not None and made.deleted_at is None else rosbag


def living_of(rosbag_id: int) -> Rosbag | None:
    """What was made of a rosbag before, and can be played still."""
    return Rosbag.objects.usable().filter(original=rosbag_id, origin=Origin.REPAIRED).first()


def draft(original: Rosbag, folder: Path, facts: Facts, topics: list[RosbagTopic]) -> Draft:
    """Store what was made of a rosbag; it counts as being uploaded until `publish`.

    Raises:
        StoreError: the storage is away or full; `clear` removes what is there.
    """
    rosbag = Rosbag.objects.create(
        name=original.name,
        origin=Origin.REPAIRED,
        original=original,
        status=Status.UPLOADING,
        created_by=original.created_by,
    )
    files = [put(rosbag, path, folder / path) for path in sorted(files_of(folder))]
    for topic in topics:
        topic.rosbag = rosbag
    digest = content_digest((file.path, file.sha256) for file in files)
    size = sum(file.size for file in files)
    return Draft(
        rosbag, of_repaired(facts) | {"content_digest": digest, "size": size}, files, topics
    )


def publish(made: Draft) -> None:
    """Let it be found; called in the transaction that writes the verdict of the original."""
    waiting = Rosbag.objects.filter(pk=made.rosbag.pk, status=Status.UPLOADING)
    if waiting.update(**made.facts, updated_at=timezone.now()) != 1:
        message = "a repaired rosbag was given up while its worker held the lease"
        raise RuntimeError(message)
    RosbagFile.objects.bulk_create(made.files, batch_size=500)
    RosbagTopic.objects.bulk_create(made.topics, batch_size=500)


def drop(made: Draft) -> None:
    """Give up what is not published: the worker has lost its lease."""
    if _unpublished(made.rosbag.original_id).filter(pk=made.rosbag.pk).exists():
        _remove(made.rosbag)
    else:  # another worker has removed the row already, and perhaps not yet all that came after
        store = object_store()
        store.delete([found.key for found in store.list(object_key(made.rosbag.pk, ""))])


def clear(original_id: int) -> None:
    """Remove what a killed worker began to make of a rosbag; the caller holds the lease."""
    for left in _unpublished(original_id):
        _remove(left)


def _unpublished(original_id: int | None) -> RosbagQuerySet:
    return Rosbag.objects.filter(
        original=original_id, origin=Origin.REPAIRED, status=Status.UPLOADING
    )


def _remove(left: Rosbag) -> None:
    # Objects first, as nobody else knows of them: killed in between, the row still leads here.
    store = object_store()
    store.delete([found.key for found in store.list(object_key(left.pk, ""))])
    with transaction.atomic():
        discard(left)
