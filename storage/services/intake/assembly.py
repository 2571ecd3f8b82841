"""Joining uploaded parts into files at the end of an upload."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO

from django.utils.translation import gettext as _

from common.exceptions import FieldError
from storage.exceptions import UploadIncompleteError
from storage.models import RosbagFile
from storage.objects import object_store
from storage.objects.base import PartsDifferError, UploadedPart
from storage.services.intake.parts import is_complete, part_sizes, stored_parts

MAX_RANGES = 10


@dataclass(frozen=True)
class FinishedUpload:
    """The parts of an uploaded file with their ETags; parts that the storage lists may be omitted.

    Parts are ignored when `upload_id` is not the file's; an empty one always matches.
    """

    path: str
    upload_id: str
    parts: Sequence[UploadedPart]


def parts_to_join(
    files: Sequence[RosbagFile], finished: Mapping[str, FinishedUpload]
) -> list[tuple[RosbagFile, list[UploadedPart] | None]]:
    """List the parts to join for each file; None for a file that is complete already.

    Raises:
        UploadIncompleteError: Parts are missing; `errors` points at each such file.
    """
    errors: list[FieldError] = []
    result = []
    for file in files:
        parts, missing = _parts(file, finished.get(file.path))
        if missing:
            errors.append(
                _error(file, _("parts missing: %(parts)s") % {"parts": format_ranges(missing)})
            )
        result.append((file, parts))
    if errors:
        raise _incomplete(errors)
    return result


def join(file: RosbagFile, parts: list[UploadedPart] | None) -> None:
    """Join the parts of a file.

    Raises:
        UploadIncompleteError: Parts are missing, or differ from the declared file.
    """
    store = object_store()
    if not file.size:
        store.put(file.key, BytesIO())  # S3 has no multipart uploads without parts
    if parts is not None:
        try:
            store.finish_upload(file.key, file.upload_id, parts)
        except PartsDifferError as error:
            raise _incomplete([_error(file, str(error))]) from error
        except FileNotFoundError as error:
            raise _incomplete([_error(file, _("it is missing"))]) from error
    stored = store.stat(file.key)
    if stored is None:
        raise _incomplete([_error(file, _("it is missing"))])
    if stored.size != file.size:
        store.delete([file.key])
        reason = _("it has %(found)d bytes instead of the declared %(size)d")
        raise _incomplete([_error(file, reason % {"found": stored.size, "size": file.size})])


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


def _parts(
    file: RosbagFile, finished: FinishedUpload | None
) -> tuple[list[UploadedPart] | None, list[int]]:
    """The parts to join (None when the file is complete), and the numbers of missing ones."""
    stored = stored_parts(file)
    if stored is None and is_complete(file):
        return None, []
    available = dict(stored or {})
    if stored is not None and finished is not None and finished.upload_id in ("", file.upload_id):
        # Only their ETags are used: parts that are not listed, or have another size, are not stored.
        available |= {part.number: part for part in finished.parts if part.number in available}
    numbers = range(1, len(part_sizes(file.size)) + 1)
    return [available[number] for number in numbers if number in available], [
        number for number in numbers if number not in available
    ]


def _error(file: RosbagFile, reason: str) -> FieldError:
    return FieldError(f"/files/{file.path}", reason, "FILE_INCOMPLETE")


def _incomplete(errors: list[FieldError]) -> UploadIncompleteError:
    message = _(
        "%(path)s is not complete (%(reason)s): request upload URLs and send the missing parts."
    )
    first = errors[0]
    path = first.pointer.removeprefix("/files/")
    return UploadIncompleteError(message % {"path": path, "reason": first.detail}, errors)
