"""The end of an upload: the request checks that all parts are stored, the worker joins them."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO

from django.utils.translation import gettext as _

from common.exceptions import FieldError
from storage.exceptions import UploadIncompleteError
from storage.models import RosbagFile
from storage.objects import object_store
from storage.objects.base import PartsDifferError, UploadedPart
from storage.services.intake.parts import StoredParts, stored_parts
from storage.services.rosbags.files import FILES_AT_ONCE

MAX_RANGES = 10


@dataclass(frozen=True)
class FinishedUpload:
    """The parts of an uploaded file with their ETags; parts that the storage lists may be omitted.

    Parts are ignored when `upload_id` is not the file's; an empty one always matches.
    """

    path: str
    upload_id: str
    parts: Sequence[UploadedPart]


def require_parts(files: Sequence[RosbagFile], finished: Mapping[str, FinishedUpload]) -> None:
    """Check that all parts are stored, as they are named.

    Raises:
        UploadIncompleteError: Parts are missing or differ; `errors` points at each such file.
        StoreError: The storage is unavailable; call again.
    """
    stored = stored_parts(files)
    missing = [(file, stored[file.key].missing(file)) for file in files]
    _refuse(
        _error(file, _("parts missing: %(parts)s") % {"parts": format_ranges(numbers)})
        for file, numbers in missing
        if numbers
    )
    _refuse(
        _error(file, _("a part is stored otherwise than named"))
        for file in files
        if not _is_as_named(file, stored[file.key], finished.get(file.path))
    )


def _is_as_named(file: RosbagFile, stored: StoredParts, finished: FinishedUpload | None) -> bool:
    """Check the ETags that a client names against those that are listed."""
    if finished is None or finished.upload_id not in ("", file.upload_id):
        return True
    named = {part.number: part for part in finished.parts if part.number in stored.parts}
    if all(_hash(part) == _hash(stored.parts[number]) for number, part in named.items()):
        return True
    if len(stored.parts) == 1:
        return False
    # A part that was sent twice may be listed once, and not as it is named: then joining tells.
    try:
        parts = list((stored.parts | named).values())
        object_store().finish_upload(file.key, file.upload_id, parts)
    except (FileNotFoundError, PartsDifferError):
        return False
    return True


def _hash(part: UploadedPart) -> str:
    return part.etag.strip('"')


def join_uploads(rosbag_id: int) -> None:
    """Join the parts of all files of a rosbag. A file that cannot be joined has no object afterwards.

    May be repeated: what a killed worker has joined stays, and files without an upload are left alone.

    Raises:
        StoreError: The storage is unavailable or full; call again.
    """
    rows = RosbagFile.objects.filter(rosbag_id=rosbag_id).exclude(upload_id="")
    files = list(rows)
    if not files:
        return
    stored = stored_parts(files)
    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        for _joined in pool.map(lambda file: _join(file, stored[file.key]), files):
            pass
    # From now on URLs that are still valid lead nowhere.
    rows.update(upload_id="")


def _join(file: RosbagFile, stored: StoredParts) -> None:
    store = object_store()
    if not file.size:
        store.put(file.key, BytesIO())  # S3 has no multipart uploads without parts
    elif not stored.missing(file) and stored.parts:
        # Verification tells of a file that is missing or differs.
        with suppress(FileNotFoundError, PartsDifferError):
            store.finish_upload(file.key, file.upload_id, list(stored.parts.values()))


def format_ranges(numbers: Sequence[int]) -> str:
    """Format sorted numbers as ranges, such as `1-3, 7`."""
    ranges = number_ranges(numbers)
    texts = [
        f"{first}-{last}" if last > first else str(first) for first, last in ranges[:MAX_RANGES]
    ]
    return ", ".join([*texts, "…"] if len(ranges) > MAX_RANGES else texts)


def number_ranges(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Group sorted numbers into pairs of the first and last of each consecutive run."""
    result: list[tuple[int, int]] = []
    for number in numbers:
        if result and number == result[-1][1] + 1:
            result[-1] = (result[-1][0], number)
        else:
            result.append((number, number))
    return result


def _refuse(errors: Iterable[FieldError]) -> None:
    """Refuse an upload for these errors, if there are any."""
    listed = list(errors)
    if listed:
        raise _incomplete(listed)


def _error(file: RosbagFile, reason: str) -> FieldError:
    return FieldError(f"/files/{file.path}", reason, "FILE_INCOMPLETE")


def _incomplete(errors: list[FieldError]) -> UploadIncompleteError:
    message = _(
        "%(path)s is not complete (%(reason)s): request upload URLs and send the missing parts."
    )
    first = errors[0]
    path = first.pointer.removeprefix("/files/")
    return UploadIncompleteError(message % {"path": path, "reason": first.detail}, errors)
