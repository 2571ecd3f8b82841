"""The files of a rosbag on the disk of the worker: fetched, compared with what came, unpacked."""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, cast

from django.db import transaction

from common.db.leases import Lease
from rosbag2.reading.archive import is_archive
from rosbag2.sandbox import checks
from storage.choices import sentence
from storage.exceptions import FilesInvalidError
from storage.keys import object_key
from storage.models import Rosbag, RosbagFile
from storage.objects import object_store
from storage.objects.base import StoreError
from storage.services.intake.bundle_paths import check_paths, files_of
from storage.services.rosbags.digest import HashingReader, file_sha256
from storage.services.verification.findings import RefusedError, rejection

BAG = "bag"
"""The folder within the work folder that holds the bundle."""


def bring(lease: Lease, folder: Path) -> list[RosbagFile]:
    """Bring the bundle into the folder `bag` of a work folder; the answer is its files.

    What was sent as one archive is unpacked, and from then on a rosbag of the files in it.

    Raises:
        RefusedError: they are not what was stored, or an archive without a bundle.
        StoreError: the storage is away or full.
    """
    files = list(RosbagFile.objects.filter(rosbag_id=lease.pk))
    if is_packed(files):
        return _unpack(lease, files[0], folder)
    (folder / BAG).mkdir()
    for file in files:
        _fetch(file, folder / BAG)
    return files


def is_packed(files: Sequence[RosbagFile]) -> bool:
    """Whether these are one archive that waits to be unpacked."""
    return len(files) == 1 and is_archive(files[0].path)


def sweep(rosbag_id: int) -> None:
    """Remove what lies in the storage under a rosbag's name and is none of its files.

    A worker that was killed between unpacking an archive and its end leaves such objects.
    """
    known = set(RosbagFile.objects.filter(rosbag_id=rosbag_id).values_list("key", flat=True))
    store = object_store()
    store.delete(
        [found.key for found in store.list(object_key(rosbag_id, "")) if found.key not in known]
    )


def put(rosbag: Rosbag, path: str, place: Path) -> RosbagFile:
    """Store a file of a work folder; the answer is its row, not saved yet."""
    key = object_key(rosbag.pk, path)
    with place.open("rb") as stream:
        reader = HashingReader(stream)
        object_store().put(key, cast("BinaryIO", reader))
    return RosbagFile(rosbag=rosbag, path=path, size=reader.size, sha256=reader.sha256, key=key)


def _fetch(file: RosbagFile, folder: Path) -> Path:
    """Bring a file into a folder, and compare it with what was stored."""
    target = folder / file.path
    try:
        object_store().fetch(file.key, target)
    except FileNotFoundError as error:
        raise RefusedError(rejection("OBJECT_MISSING", file=file.path)) from error
    found = target.stat().st_size
    if found != file.size:
        facts = rejection("SIZE_MISMATCH", file=file.path, size=file.size, found=found)
        raise RefusedError(facts)
    found_sha256 = file_sha256(target)
    if not file.sha256:  # its sender did not know it
        file.sha256 = found_sha256
        file.save(update_fields=["sha256"])
    if found_sha256 != file.sha256:
        raise RefusedError(rejection("CHECKSUM_MISMATCH", file=file.path))
    return target


def _unpack(lease: Lease, sent: RosbagFile, folder: Path) -> list[RosbagFile]:
    archive = _fetch(sent, folder / "sent")
    verdict = checks.unpack(archive, folder / "unpacked", scratch=folder)
    if verdict.code == "NO_SPACE":
        raise StoreError(sentence(verdict.code, verdict.details))
    if verdict.status == "rejected":
        raise RefusedError(rejection(verdict.code, **verdict.details))
    archive.unlink()
    (folder / "unpacked" / str(verdict.details["folder"])).rename(folder / BAG)
    # An archive in the archive is no data; one of the same name would take its place in the storage.
    paths = [path for path in sorted(files_of(folder / BAG)) if path != sent.path]
    try:
        check_paths(paths)
    except FilesInvalidError as error:
        raise RefusedError(rejection(error.code) | {"text": str(error)}) from error
    files = [put(sent.rosbag, path, folder / BAG / path) for path in paths]
    _replace(lease, sent, files)
    return files


@transaction.atomic
def _replace(lease: Lease, sent: RosbagFile, files: list[RosbagFile]) -> None:
    """The files take the place of the archive, while the lease is held; its object is swept later."""
    lease.write(size=sum(file.size for file in files))
    sent.delete()
    RosbagFile.objects.bulk_create(files, batch_size=500)
