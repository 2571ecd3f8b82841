"""Parts of multipart uploads: sizes, signed URLs, and which parts are stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os.path import commonprefix

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


@dataclass(frozen=True)
class StoredParts:
    """The stored parts of a file: by number, or all of it.

    The upload of a file of several parts must be open for more of them.
    """

    parts: dict[int, UploadedPart]
    is_open: bool = True
    is_complete: bool = False

    def missing(self, file: RosbagFile) -> list[int]:
        """Numbers of the parts that are not stored."""
        if self.is_complete:
            return []
        return [n for n in range(1, part_count(file.size) + 1) if n not in self.parts]


def stored_parts(files: Sequence[RosbagFile]) -> dict[str, StoredParts]:
    """Look up the parts of files of one rosbag, by key.

    Files of a single part cost one listing together, the others a call each. Parts of an unexpected size are
    ignored, as S3 accepts any size.
    """
    store = object_store()
    prefix = commonprefix([file.key for file in files])  # noqa: RUF071 - of text: keys are no paths
    listed = store.list_uploads(
        prefix, {file.key: file.upload_id for file in files if file.upload_id}
    )
    ended = [file for file in files if _has_ended(file, listed)]
    sizes = {stored.key: stored.size for stored in store.list(prefix)} if ended else {}
    result = {file.key: _stored(file, listed.get(file.key)) for file in files}
    for file in ended:
        if sizes.get(file.key) == file.size:
            result[file.key] = StoredParts({}, is_complete=True)
    return result


def _has_ended(file: RosbagFile, listed: Mapping[str, Sequence[UploadedPart]]) -> bool:
    """Check for a multipart upload that was finished, or lost by the storage.

    Without an upload id an object under the key is a leftover, for example of a database that was reset.
    """
    return part_count(file.size) > 1 and bool(file.upload_id) and file.key not in listed


def _stored(file: RosbagFile, parts: Sequence[UploadedPart] | None) -> StoredParts:
    sizes = dict(enumerate(part_sizes(file.size), start=1))
    valid = {
        part.number: part for part in parts or () if part.size in (None, sizes.get(part.number))
    }
    is_open = parts is not None or (bool(file.upload_id) and part_count(file.size) <= 1)
    return StoredParts(valid, is_open=is_open)


def plan_missing_parts(
    file: RosbagFile,
    stored: StoredParts,
    audience: Audience,
    *,
    after: int = 0,
    limit: int | None = None,
) -> FilePlan:
    """Sign URLs of missing parts: at most `limit` of those numbered above `after`.

    An upload that was never opened, or that the storage has lost, is opened.
    """
    missing = [number for number in stored.missing(file) if number > after]
    if missing and not stored.is_open:
        _open(file)
    sizes = part_sizes(file.size)
    parts = [
        PartPlan(
            number,
            object_store().sign_part(file.key, file.upload_id, number, audience=audience),
            sizes[number - 1],
            (number - 1) * sizes[0],
        )
        for number in missing[:limit]
    ]
    return FilePlan(file.path, file.upload_id, parts, more=len(parts) < len(missing))


def _open(file: RosbagFile) -> None:
    """Open an upload for a file; concurrent requests all use the one that was saved first."""
    store = object_store()
    is_single = part_count(file.size) <= 1
    upload_id = store.name_upload() if is_single else store.start_upload(file.key)
    rows = RosbagFile.objects.filter(pk=file.pk, upload_id=file.upload_id)
    if rows.update(upload_id=upload_id):
        file.upload_id = upload_id
        return
    store.abort_upload(file.key, upload_id)
    file.refresh_from_db(fields=["upload_id"])
