"""Fetching the files of a rosbag to the worker's disk, checking and unpacking them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from django.db import transaction

from common.db.leases import Lease
from rosbag2.reading.archive import is_archive
from rosbag2.sandbox import checks
from storage.choices import Origin, sentence
from storage.exceptions import FilesInvalidError
from storage.keys import object_key
from storage.models import Rosbag, RosbagFile
from storage.objects import object_store
from storage.objects.base import StoreError
from storage.services.intake.bundle_paths import (
    check_paths,
    files_outside,
    left_out,
    own_and_others,
)
from storage.services.rosbags.digest import file_sha256
from storage.services.rosbags.files import FILES_AT_ONCE, delete_objects, store_folder
from storage.services.verification.results import Fields, RejectedError, rejected_fields

BAG = "bag"
"""The folder within the work folder that holds the bundle."""


def fetch_bundle(lease: Lease, folder: Path) -> list[RosbagFile]:
    """Fetch the bundle into the folder `bag` of a work folder.

    A bundle that was uploaded as one archive is unpacked; from then on the rosbag has the files in it. Files
    beside the bundle are left out with a warning.

    Returns:
        The files of the bundle.

    Raises:
        RejectedError: The files differ from those that were stored, or the archive has no bundle.
        StoreError: The storage is unavailable or full.
    """
    files = list(RosbagFile.objects.filter(rosbag_id=lease.pk))
    if is_single_archive(files):
        return _unpack(lease, files[0], folder)
    (folder / BAG).mkdir()
    _fetch_all(files, folder / BAG)
    rosbag = Rosbag.objects.get(pk=lease.pk)
    # What was played once stays as it is: plans and units rely on its files.
    is_new = rosbag.origin == Origin.UPLOADED and rosbag.message_count is None
    return _without_others(lease, files, folder / BAG) if is_new else files


def is_single_archive(files: Sequence[RosbagFile]) -> bool:
    """Check whether a rosbag consists of one archive that is not unpacked yet."""
    return len(files) == 1 and is_archive(files[0].path)


def remove_stray_objects(rosbag_id: int) -> None:
    """Remove objects below a rosbag's prefix that belong to none of its files.

    A worker that is killed while it unpacks an archive leaves such objects, and a server that is killed while
    it opens an upload leaves that.
    """
    object_store().abort_uploads(object_key(rosbag_id, ""))
    keys = set(RosbagFile.objects.filter(rosbag_id=rosbag_id).values_list("key", flat=True))
    delete_objects(object_key(rosbag_id, ""), keep=keys)


def _fetch_all(files: Sequence[RosbagFile], folder: Path) -> None:
    """Fetch files into a folder, several at once, and save the checksums that clients did not send."""
    unknown = [file for file in files if not file.sha256]
    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        for _fetched in pool.map(lambda file: _fetch(file, folder), files):
            pass
    RosbagFile.objects.bulk_update(unknown, ["sha256"], batch_size=500)


def _fetch(file: RosbagFile, folder: Path) -> None:
    """Fetch a file into a folder, and compare its size and checksum with those of its row, if known."""
    target = folder / file.path
    try:
        object_store().fetch(file.key, target)
    except FileNotFoundError as error:
        raise RejectedError(rejected_fields("OBJECT_MISSING", file=file.path)) from error
    stored = target.stat().st_size
    if stored != file.size:
        fields = rejected_fields("SIZE_MISMATCH", file=file.path, size=file.size, found=stored)
        raise RejectedError(fields)
    sha256 = file_sha256(target)
    if sha256 != (file.sha256 or sha256):
        raise RejectedError(rejected_fields("CHECKSUM_MISMATCH", file=file.path))
    file.sha256 = sha256


def _without_others(lease: Lease, files: list[RosbagFile], bag: Path) -> list[RosbagFile]:
    """Leave out files that are no part of the bundle; their objects are removed later."""
    own, others = own_and_others(bag)
    stored = set(own)
    kept = [file for file in files if file.path in stored]
    dropped = [file.pk for file in files if file.path not in stored]
    if dropped:
        _remove_others(bag, own)
        with transaction.atomic():
            size = sum(file.size for file in kept)
            lease.write(size=size, warnings=left_out(others))
            RosbagFile.objects.filter(pk__in=dropped).delete()
    return kept


def _remove_others(bag: Path, own: list[str]) -> None:
    """Remove from the disk what is not stored, so that the bundle is judged by what is."""
    kept = {bag / path for path in own}
    for path in bag.rglob("*"):
        if path.is_file() and path not in kept:
            path.unlink()


def _unpack(lease: Lease, archive_file: RosbagFile, folder: Path) -> list[RosbagFile]:
    _fetch_all([archive_file], folder / "sent")
    archive = folder / "sent" / archive_file.path
    target = folder / "unpacked"
    language = archive_file.rosbag.language
    verdict = checks.unpack(archive, target, language=language, scratch=folder)
    if verdict.code == "NO_SPACE":
        raise StoreError(sentence(verdict.code, verdict.details))
    if verdict.status == "rejected":
        raise RejectedError(rejected_fields(verdict.code, **verdict.details))
    archive.unlink()
    bag = target / str(verdict.details["folder"])
    beside = files_outside(target, bag)
    bag.rename(folder / BAG)
    # An archive within the archive is no data; one of the same name would overwrite its object.
    own, others = own_and_others(folder / BAG)
    paths = [path for path in own if path != archive_file.path]
    try:
        check_paths(paths)
    except FilesInvalidError as error:
        raise RejectedError(rejected_fields(error.code) | {"text": str(error)}) from error
    files = store_folder(archive_file.rosbag, folder / BAG, paths)
    _remove_others(folder / BAG, paths)
    _replace(lease, archive_file, files, left_out([*others, *beside]))
    return files


@transaction.atomic
def _replace(
    lease: Lease, archive_file: RosbagFile, files: list[RosbagFile], warnings: list[Fields]
) -> None:
    """Replace the archive by its files while the lease is held; its object is removed later."""
    lease.write(size=sum(file.size for file in files), warnings=warnings)
    archive_file.delete()
    RosbagFile.objects.bulk_create(files, batch_size=500)
