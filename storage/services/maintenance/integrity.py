"""Consistency checks between database and storage: missing, truncated and orphaned objects."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from storage.choices import Status
from storage.keys import EXPORTS, PREFIX, PREVIEWS, STAGED, id_of, rosbag_id_of
from storage.models import Export, Rosbag, RosbagFile
from storage.objects import object_store
from storage.objects.base import StoredObject

BATCH = 500
CALLS_AT_ONCE = 8
INCOMING = (Status.UPLOADING, Status.VERIFYING)
"""Rosbags that may receive files."""


@dataclass(frozen=True)
class Mismatch:
    """A file whose object is missing (`found` is None) or has another size; sizes in bytes."""

    rosbag: int
    path: str
    key: str
    size: int
    found: int | None


@dataclass
class Report:
    """The result of a check."""

    missing: list[Mismatch] = field(default_factory=list)
    wrong_size: list[Mismatch] = field(default_factory=list)
    orphaned: list[StoredObject] = field(default_factory=list)

    @property
    def healthy(self) -> bool:
        """True when no file is missing or has another size; orphans only use space."""
        return not self.missing and not self.wrong_size


def check() -> Report:
    """Compare all objects with all rows; uploads in progress are ignored.

    Raises:
        StoreError: The storage is unavailable.
    """
    report = Report()
    checked: set[int] = set()
    for batch in _batches(object_store().list(PREFIX)):
        _compare(batch, report, checked)
    report.orphaned += _orphaned_results()
    rows = _stored_files().values_list("pk", "rosbag_id", "path", "key", "size")
    for pk, rosbag, path, key, size in rows.iterator(chunk_size=2000):
        # Checked again by key: it may have been stored after the listing had passed its position.
        if pk not in checked and object_store().stat(key) is None:
            report.missing.append(Mismatch(rosbag, path, key, size, None))
    return report


def check_rosbag(rosbag: Rosbag) -> list[Mismatch]:
    """Return the files of a rosbag whose objects are missing or have another size.

    Raises:
        StoreError: The storage is unavailable.
    """
    rows = list(rosbag.files.stored().values_list("path", "key", "size"))
    with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
        found = list(pool.map(object_store().stat, [key for _path, key, _size in rows]))
    sizes = [None if stored is None else stored.size for stored in found]
    return [
        Mismatch(rosbag.pk, path, key, size, stored)
        for (path, key, size), stored in zip(rows, sizes, strict=True)
        if stored != size
    ]


def repair(report: Report, *, older_than: timedelta = timedelta(days=1)) -> list[str]:
    """Remove orphans that are older than this, and nothing else.

    Returns:
        The keys of the removed objects.
    """
    limit = timezone.now() - older_than
    removed = []
    for batch in _batches(iter(report.orphaned)):
        old = [stored for stored in batch if stored.modified < limit]
        rows_by_key, incoming = _owners(old)
        keys = [
            stored.key
            for stored in old
            if stored.key not in rows_by_key and rosbag_id_of(stored.key) not in incoming
        ]
        object_store().delete(keys)
        removed += keys
    return removed


def _orphaned_results() -> Iterator[StoredObject]:
    """List previews, export tables and sent parts that belong to no rosbag, export or upload."""
    owners: tuple[tuple[str, QuerySet[Any]], ...] = (
        (PREVIEWS, Rosbag.objects.all()),
        (EXPORTS, Export.objects.all()),
        (STAGED + PREFIX, Rosbag.objects.filter(status__in=INCOMING)),
    )
    for prefix, rows in owners:
        for batch in _batches(object_store().list(prefix)):
            ids = {id_of(stored.key, prefix) for stored in batch} - {None}
            owner_ids = set(rows.filter(pk__in=ids).values_list("pk", flat=True))
            yield from (stored for stored in batch if id_of(stored.key, prefix) not in owner_ids)


def _stored_files() -> QuerySet[RosbagFile]:
    return RosbagFile.objects.stored()


def _batches(objects: Iterator[StoredObject]) -> Iterator[list[StoredObject]]:
    while batch := list(islice(objects, BATCH)):
        yield batch


def _compare(batch: Sequence[StoredObject], report: Report, checked: set[int]) -> None:
    rows_by_key, incoming = _owners(batch)
    for stored in batch:
        file = rows_by_key.get(stored.key)
        if file is None:
            if rosbag_id_of(stored.key) not in incoming:
                report.orphaned.append(stored)
            continue
        checked.add(file.pk)
        if file.size != stored.size and incoming.get(file.rosbag_id) != Status.UPLOADING:
            report.wrong_size.append(
                Mismatch(file.rosbag_id, file.path, file.key, file.size, stored.size)
            )


def _owners(
    batch: Sequence[StoredObject],
) -> tuple[dict[str, RosbagFile], dict[int | None, str]]:
    """The file rows of objects by key, and the status of rosbags that are receiving files.

    A rosbag that is being verified may receive the files of its archive.
    """
    # Rosbags first: one whose upload ends between the queries has its rows in the second.
    ids = {rosbag_id_of(stored.key) for stored in batch} - {None}
    in_progress = Q(pk__in=ids, status__in=INCOMING)
    incoming: dict[int | None, str] = dict(
        Rosbag.objects.filter(in_progress).values_list("pk", "status")
    )
    files = RosbagFile.objects.filter(key__in=[stored.key for stored in batch])
    return {file.key: file for file in files}, incoming
