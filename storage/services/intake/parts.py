"""How a file is cut into parts, and which of them the storage holds."""

from dataclasses import dataclass

from django.conf import settings

from storage.choices import Status
from storage.models import RosbagFile
from storage.objects import object_store
from storage.objects.base import Audience, UploadedPart

MOST_PARTS = 10_000
"""S3 takes no more; larger files get larger parts."""


@dataclass(frozen=True)
class PartPlan:
    """Where to PUT one part, its size in bytes, and where in the file it begins."""

    number: int
    url: str
    size: int
    offset: int


@dataclass(frozen=True)
class FilePlan:
    """The parts of a file that the storage does not hold yet; `more` after a page of them."""

    path: str
    upload_id: str
    parts: list[PartPlan]
    more: bool = False


def part_sizes(size: int) -> list[int]:
    """Sizes in bytes of the parts that a file is cut into: all alike but the last."""
    part = _part_bytes(size)
    whole, rest = divmod(size, part)
    return [part] * whole + ([rest] if rest else [])


def part_count(size: int) -> int:
    """How many parts that are."""
    return -(-size // _part_bytes(size))


def _part_bytes(size: int) -> int:
    return max(settings.UPLOAD_PART_BYTES, -(-size // MOST_PARTS))


def part_size(key: str, upload_id: str, number: int) -> int | None:
    """Size in bytes that a part of an open upload must have; None when there is no such part."""
    file = RosbagFile.objects.filter(
        key=key,
        upload_id=upload_id,
        rosbag__status=Status.UPLOADING,
        rosbag__deleted_at=None,
    ).first()
    sizes = part_sizes(file.size) if file else []
    return sizes[number - 1] if 0 < number <= len(sizes) else None


def plan(
    file: RosbagFile, audience: Audience, *, after: int = 0, limit: int | None = None
) -> FilePlan:
    """Addresses of the parts that are missing; an upload that the storage lost is opened anew.

    At most `limit` of them, those with a number above `after`.
    """
    store = object_store()
    stored = stored_parts(file)
    if stored is None:
        if is_whole(file):
            return FilePlan(file.path, file.upload_id, [])
        stored = _reopen(file)
    sizes = part_sizes(file.size)
    missing = [n for n in range(after + 1, len(sizes) + 1) if n not in stored]
    parts = [
        PartPlan(
            number,
            store.sign_part(file.key, file.upload_id, number, audience=audience),
            sizes[number - 1],
            (number - 1) * sizes[0],
        )
        for number in missing[:limit]
    ]
    return FilePlan(file.path, file.upload_id, parts, more=len(parts) < len(missing))


def is_whole(file: RosbagFile) -> bool:
    """Whether its upload was finished: the object is there, in its size.

    Without an upload what lies under its key is a leftover, such as of a database that was reset.
    """
    if not file.size:
        return True
    if not file.upload_id:
        return False
    found = object_store().stat(file.key)
    return found is not None and found.size == file.size


def stored_parts(file: RosbagFile) -> dict[int, UploadedPart] | None:
    """Stored parts by number; None when the upload is not open (finished, or lost by the storage).

    A part of another size than planned does not count: S3 takes whatever is sent.
    """
    if not file.upload_id:
        return None
    try:
        parts = object_store().list_parts(file.key, file.upload_id)
    except FileNotFoundError:
        return None
    sizes = dict(enumerate(part_sizes(file.size), start=1))
    return {part.number: part for part in parts if part.size in (None, sizes.get(part.number))}


def _reopen(file: RosbagFile) -> dict[int, UploadedPart]:
    """Open an upload for a file; of two requests that do so at once both use the first one's."""
    store = object_store()
    opened = store.start_upload(file.key)
    rows = RosbagFile.objects.filter(pk=file.pk, upload_id=file.upload_id)
    if rows.update(upload_id=opened):
        file.upload_id = opened
        return {}
    store.abort_upload(file.key, opened)
    file.refresh_from_db(fields=["upload_id"])
    return stored_parts(file) or {}
