"""How a file is cut into parts, and which of them the storage holds."""

from dataclasses import dataclass

from django.conf import settings

from storage.choices import Status
from storage.client import object_store
from storage.client.base import Audience, UploadedPart
from storage.models import RosbagFile

MOST_PARTS = 10_000
"""S3 takes no more; larger files get larger parts."""


@dataclass(frozen=True)
class PartPlan:
    """Where to PUT one part, and its size in bytes."""

    number: int
    url: str
    size: int


@dataclass(frozen=True)
class FilePlan:
    """The parts of a file that the storage does not hold yet."""

    path: str
    upload_id: str
    parts: list[PartPlan]


def part_sizes(size: int) -> list[int]:
    """Sizes in bytes of the parts that a file is cut into: all alike but the last."""
    part = max(settings.UPLOAD_PART_BYTES, -(-size // MOST_PARTS))
    whole, rest = divmod(size, part)
    return [part] * whole + ([rest] if rest else [])


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


def plan(file: RosbagFile, audience: Audience) -> FilePlan:
    """Addresses of the parts that are missing; an upload that the storage lost is opened anew."""
    store = object_store()
    stored = stored_parts(file)
    if stored is None:
        found = store.stat(file.key)
        if not file.size or (found and found.size == file.size):
            return FilePlan(file.path, file.upload_id, [])
        stored = _reopen(file)
    parts = [
        PartPlan(number, store.sign_part(file.key, file.upload_id, number, audience=audience), size)
        for number, size in enumerate(part_sizes(file.size), start=1)
        if number not in stored
    ]
    return FilePlan(file.path, file.upload_id, parts)


def stored_parts(file: RosbagFile) -> dict[int, UploadedPart] | None:
    """Stored parts by number; None when the upload is not open (finished, or lost by the storage)."""
    if not file.upload_id:
        return None
    try:
        parts = object_store().list_parts(file.key, file.upload_id)
    except FileNotFoundError:
        return None
    return {part.number: part for part in parts}


def _reopen(file: RosbagFile) -> dict[int, UploadedPart]:
    file.upload_id = object_store().start_upload(file.key)
    file.save(update_fields=["upload_id"])
    return {}
