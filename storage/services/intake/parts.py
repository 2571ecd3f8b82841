"""Parts of multipart uploads: sizes, signed URLs, and which parts are stored."""

from dataclasses import dataclass

from django.conf import settings

from storage.choices import Status
from storage.models import RosbagFile
from storage.objects import object_store
from storage.objects.base import Audience, UploadedPart

MAX_PARTS = 10_000
"""S3's limit; larger files get larger parts."""


@dataclass(frozen=True)
class PartPlan:
    """One part to upload: signed URL, size in bytes, offset in the file."""

    number: int
    url: str
    size: int
    offset: int


@dataclass(frozen=True)
class FilePlan:
    """The missing parts of a file, or a page of them; `more` when further ones follow."""

    path: str
    upload_id: str
    parts: list[PartPlan]
    more: bool = False


def part_sizes(size: int) -> list[int]:
    """Sizes in bytes of the parts of a file: all equal but the last."""
    part = _part_size(size)
    full_parts, rest = divmod(size, part)
    return [part] * full_parts + ([rest] if rest else [])


def part_count(size: int) -> int:
    """Number of parts of a file."""
    return -(-size // _part_size(size))


def _part_size(size: int) -> int:
    return max(settings.UPLOAD_PART_BYTES, -(-size // MAX_PARTS))


def part_size(key: str, upload_id: str, number: int) -> int | None:
    """Expected size in bytes of a part of an open upload; None when there is no such part."""
    file = RosbagFile.objects.filter(
        key=key,
        upload_id=upload_id,
        rosbag__status=Status.UPLOADING,
        rosbag__deleted_at=None,
    ).first()
    sizes = part_sizes(file.size) if file else []
    return sizes[number - 1] if 0 < number <= len(sizes) else None


def plan_missing_parts(
    file: RosbagFile, audience: Audience, *, after: int = 0, limit: int | None = None
) -> FilePlan:
    """Sign URLs of missing parts: at most `limit` of those numbered above `after`.

    An upload that the storage has lost is opened again.
    """
    store = object_store()
    stored = stored_parts(file)
    if stored is None:
        if is_complete(file):
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


def is_complete(file: RosbagFile) -> bool:
    """Check that the upload of a file is finished: its object exists in the declared size.

    Without an upload id an object under the key is a leftover, for example of a database that was reset.
    """
    if not file.size:
        return True
    if not file.upload_id:
        return False
    stored = object_store().stat(file.key)
    return stored is not None and stored.size == file.size


def stored_parts(file: RosbagFile) -> dict[int, UploadedPart] | None:
    """Stored parts by number; None when the upload is not open (finished, or lost by the storage).

    Parts of an unexpected size are ignored, as S3 accepts any size.
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
    """Open an upload for a file; concurrent requests all use the one that was saved first."""
    store = object_store()
    upload_id = store.start_upload(file.key)
    rows = RosbagFile.objects.filter(pk=file.pk, upload_id=file.upload_id)
    if rows.update(upload_id=upload_id):
        file.upload_id = upload_id
        return {}
    store.abort_upload(file.key, upload_id)
    file.refresh_from_db(fields=["upload_id"])
    return stored_parts(file) or {}
