"""The database against the storage: what is missing, has another size, or belongs to nobody."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from storage.choices import Status
from storage.keys import DERIVED, EXPORTS, PREFIX, id_of, rosbag_id_of
from storage.models import Export, Rosbag, RosbagFile
from storage.objects import object_store
from storage.objects.base import StoredObject

BATCH = 500


@dataclass(frozen=True)
class Fault:
    """A file that is not in the storage as the database has it; sizes in bytes."""

    rosbag: int
    path: str
    key: str
    size: int
    found: int | None


@dataclass
class Report:
    """What a check found."""

    missing: list[Fault] = field(default_factory=list)
    wrong_size: list[Fault] = field(default_factory=list)
    orphaned: list[StoredObject] = field(default_factory=list)

    @property
    def healthy(self) -> bool:
        """Whether every file is there; orphans only take space."""
        return not self.missing and not self.wrong_size


def check() -> Report:
    """Compare all objects with all rows; uploads in progress count neither way.

    Raises:
        StoreError: the storage is away.
    """
    report = Report()
    seen: set[int] = set()
    for batch in _batches(object_store().list(PREFIX)):
        _compare(batch, report, seen)
    report.orphaned += _ownerless()
    rows = _settled().values_list("pk", "rosbag_id", "path", "key", "size")
    for pk, rosbag, path, key, size in rows.iterator(chunk_size=2000):
        # Asked again by name: it may have been stored after the listing had passed its place.
        if pk not in seen and object_store().stat(key) is None:
            report.missing.append(Fault(rosbag, path, key, size, None))
    return report


def repair(report: Report, *, older_than: timedelta = timedelta(days=1)) -> list[str]:
    """Remove the orphans that are older; the answer is their keys. Nothing else is touched."""
    limit = timezone.now() - older_than
    removed = []
    for batch in _batches(iter(report.orphaned)):
        old = [found for found in batch if found.modified < limit]
        known, arriving = _owners(old)
        keys = [
            found.key
            for found in old
            if found.key not in known and rosbag_id_of(found.key) not in arriving
        ]
        object_store().delete(keys)
        removed += keys
    return removed


def _ownerless() -> Iterator[StoredObject]:
    """Previews of rosbags, and tables of exports, that are no longer there."""
    owners: tuple[tuple[str, QuerySet[Any]], ...] = (
        (DERIVED, Rosbag.objects.all()),
        (EXPORTS, Export.objects.all()),
    )
    for prefix, rows in owners:
        for batch in _batches(object_store().list(prefix)):
            ids = {id_of(found.key, prefix) for found in batch} - {None}
            living = set(rows.filter(pk__in=ids).values_list("pk", flat=True))
            yield from (found for found in batch if id_of(found.key, prefix) not in living)


def _settled() -> QuerySet[RosbagFile]:
    return RosbagFile.objects.exclude(rosbag__status=Status.UPLOADING)


def _batches(objects: Iterator[StoredObject]) -> Iterator[list[StoredObject]]:
    while batch := list(islice(objects, BATCH)):
        yield batch


def _compare(batch: Sequence[StoredObject], report: Report, seen: set[int]) -> None:
    known, arriving = _owners(batch)
    for found in batch:
        file = known.get(found.key)
        if file is None:
            if rosbag_id_of(found.key) not in arriving:
                report.orphaned.append(found)
            continue
        seen.add(file.pk)
        if file.size != found.size and arriving.get(file.rosbag_id) != Status.UPLOADING:
            report.wrong_size.append(
                Fault(file.rosbag_id, file.path, file.key, file.size, found.size)
            )


def _owners(
    batch: Sequence[StoredObject],
) -> tuple[dict[str, RosbagFile], dict[int | None, str]]:
    """The rows of these objects by key, and the state of the rosbags that get files just now.

    One that is verified gets the files of its archive.
    """
    # The rosbags first: one whose upload ends in between has its rows by the second query.
    ids = {rosbag_id_of(found.key) for found in batch} - {None}
    asked = Q(pk__in=ids, status__in=(Status.UPLOADING, Status.VERIFYING))
    arriving: dict[int | None, str] = dict(Rosbag.objects.filter(asked).values_list("pk", "status"))
    files = RosbagFile.objects.filter(key__in=[found.key for found in batch])
    return {file.key: file for file in files}, arriving
