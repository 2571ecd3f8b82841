"""From parts to files, at the end of an upload."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from common.exceptions import FieldError
from storage.exceptions import UploadIncompleteError
from storage.models import RosbagFile
from storage.objects import object_store
from storage.objects.base import PartsDifferError, UploadedPart
from storage.services.intake.parts import is_whole, part_sizes, stored_parts

MOST_SPANS = 10


@dataclass(frozen=True)
class FinishedUpload:
    """The parts of a file with their ETags; those that the storage lists itself may be left out.

    Those of another `upload_id` than the file's do not count; empty, it is the one at hand.
    """

    path: str
    upload_id: str
    parts: Sequence[UploadedPart]


def ready_parts(
    files: Sequence[RosbagFile], named: Mapping[str, FinishedUpload]
) -> list[tuple[RosbagFile, list[UploadedPart] | None]]:
    """The parts to join for each file; None for a file that is whole already.

    Raises:
        UploadIncompleteError: some are missing; `errors` names each such file.
    """
    errors: list[FieldError] = []
    found = []
    for file in files:
        parts, missing = _parts(file, named.get(file.path))
        if missing:
            errors.append(_error(file, _("parts missing: %(parts)s") % {"parts": spans(missing)}))
        found.append((file, parts))
    if errors:
        raise _incomplete(errors)
    return found


def join(file: RosbagFile, parts: list[UploadedPart] | None) -> None:
    """Make a file of its parts (UploadIncompleteError when they are not what they should be)."""
    store = object_store()
    if parts is not None:
        try:
            store.finish_upload(file.key, file.upload_id, parts)
        except PartsDifferError as error:
            raise _incomplete([_error(file, str(error))]) from error
        except FileNotFoundError as error:
            raise _incomplete([_error(file, _("it is not there"))]) from error
    found = store.stat(file.key)
    if found is None:
        raise _incomplete([_error(file, _("it is not there"))])
    if found.size != file.size:
        store.delete([file.key])
        reason = _("it has %(found)d bytes, declared were %(size)d")
        raise _incomplete([_error(file, reason % {"found": found.size, "size": file.size})])


def spans(numbers: Sequence[int]) -> str:
    """Sorted numbers in short, such as `1-3, 7`."""
    found = ranges(numbers)
    told = [f"{first}-{last}" if last > first else str(first) for first, last in found[:MOST_SPANS]]
    return ", ".join([*told, "…"] if len(found) > MOST_SPANS else told)


def ranges(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Sorted numbers as pairs of the first and the last of each unbroken run."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def _parts(
    file: RosbagFile, named: FinishedUpload | None
) -> tuple[list[UploadedPart] | None, list[int]]:
    """The parts to join, None when there is nothing to; and the numbers of those that are missing."""
    stored = stored_parts(file)
    if stored is None and is_whole(file):
        return None, []
    held = dict(stored or {})
    if stored is not None and named is not None and named.upload_id in ("", file.upload_id):
        # Only their ETags count: what is not listed, or in another size, was not stored.
        held |= {part.number: part for part in named.parts if part.number in held}
    wanted = range(1, len(part_sizes(file.size)) + 1)
    return [held[number] for number in wanted if number in held], [
        number for number in wanted if number not in held
    ]


def _error(file: RosbagFile, reason: str) -> FieldError:
    return FieldError(f"/files/{file.path}", reason, "FILE_INCOMPLETE")


def _incomplete(errors: list[FieldError]) -> UploadIncompleteError:
    message = _(
        "%(path)s is not complete (%(reason)s): ask for addresses and send what is missing."
    )
    first = errors[0]
    path = first.pointer.removeprefix("/files/")
    return UploadIncompleteError(message % {"path": path, "reason": first.detail}, errors)
