"""Upload sessions: large bundles in parts, resumable after a broken connection.

A session is a rosbag that is still being uploaded, and has its id. Only its creator or an admin may
continue it: two senders in one upload would mix their parts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from accounts.choices import Role
from accounts.models import User
from storage.choices import Origin, Status
from storage.exceptions import (
    FileAbsentError,
    FilesInvalidError,
    UploadAbortedError,
    UploadClosedError,
    UploadForeignError,
    UploadNotFoundError,
)
from storage.models import Rosbag, RosbagFile
from storage.querysets import RosbagQuerySet
from storage.services.intake import uploads
from storage.services.intake.abandoning import abandon
from storage.services.intake.parts import (
    FilePlan,
    StoredParts,
    part_count,
    part_sizes,
    plan_missing_parts,
    stored_parts,
)
from storage.services.rosbags.deduplication import find_same_content
from storage.services.rosbags.digest import content_digest

MAX_TOTAL_PARTS = 50_000
"""Of all files of a session, as reading its state looks at every part."""


@dataclass(frozen=True)
class FileState:
    """Upload state of a file; sizes in bytes, `missing` are part numbers."""

    file: RosbagFile
    part_size: int
    part_count: int
    missing: list[int]
    stored: StoredParts

    @property
    def stored_bytes(self) -> int:
        """Bytes of the parts that are stored."""
        sizes = part_sizes(self.file.size)
        return self.file.size - sum(sizes[number - 1] for number in self.missing)


def open_session(
    name: str, files: Sequence[uploads.NewFile], user: User, *, language: str = ""
) -> tuple[Rosbag, bool]:
    """Start a session; `language` is that of the sender, for names in archives that are not Unicode.

    Returns:
        The new rosbag and True, or the rosbag that has the same content already and False.

    Raises:
        FilesInvalidError: A name, size or checksum is invalid.
    """
    _check_part_count(files)
    if files and all(file.sha256 for file in files):
        existing = find_same_content(content_digest((file.path, file.sha256) for file in files))
        if existing is not None:
            return existing, False
    rosbag = uploads.begin(name, files, origin=Origin.UPLOADED, created_by=user, language=language)
    return rosbag, True


def _check_part_count(files: Sequence[uploads.NewFile]) -> None:
    parts = sum(part_count(file.size) for file in files if 0 <= file.size <= uploads.MAX_FILE_BYTES)
    if parts > MAX_TOTAL_PARTS:
        message = _(
            "An upload has at most %(max)d parts, this one has %(count)d: send several bundles."
        )
        raise FilesInvalidError(message % {"max": MAX_TOTAL_PARTS, "count": parts})


def open_sessions_of(user: User) -> RosbagQuerySet:
    """Open sessions that this user may continue."""
    rosbags = Rosbag.objects.living().filter(
        in_parts=True, origin=Origin.UPLOADED, status=Status.UPLOADING
    )
    return rosbags if user.has_role(Role.ADMIN) else rosbags.filter(created_by=user)


def find_session(pk: int, user: User) -> Rosbag:
    """Find a session, open or completed.

    Raises:
        UploadNotFoundError: There is no session with this id.
        UploadForeignError: Another user started it, and this user is no admin.
        UploadAbortedError: It was aborted.
    """
    rosbags = Rosbag.objects.select_related("created_by", "original__created_by")
    rosbag = rosbags.filter(pk=pk, in_parts=True, origin=Origin.UPLOADED).first()
    if rosbag is None:
        raise UploadNotFoundError(_("There is no such upload: check the id, or start a new one."))
    if rosbag.created_by_id != user.pk and not user.has_role(Role.ADMIN):
        message = _("Another user started this upload: start your own, or ask an admin.")
        raise UploadForeignError(message)
    require_not_aborted(rosbag)
    return rosbag


def find_same(pk: int) -> Rosbag:
    """Find the rosbag that `open_session` returned as one with the same content.

    Raises:
        UploadNotFoundError: It was deleted since.
    """
    rosbag = Rosbag.objects.living().select_related("created_by").filter(pk=pk).first()
    if rosbag is None:
        raise _deleted()
    return rosbag


def resulting_rosbag(rosbag: Rosbag) -> Rosbag:
    """The rosbag of a completed session: itself, or the one that had the same content already."""
    return rosbag.original if rosbag.deleted_at and rosbag.original else rosbag


def file_states(rosbag: Rosbag, path: str = "") -> list[FileState]:
    """Upload states of the files of a session, or of the one with this path.

    Raises:
        FileAbsentError: The session has no such file.
    """
    files = [_find_file(rosbag, path)] if path else list(rosbag.files.all())
    if not is_open(rosbag):
        ended = StoredParts({}, is_complete=True)
        return [_file_state(file, ended) for file in files]
    stored = stored_parts(files)
    return [_file_state(file, stored[file.key]) for file in files]


def page_of(states: Sequence[FileState], after: str, limit: int) -> tuple[list[FileState], bool]:
    """At most `limit` states, by path, behind the path `after`, and whether more follow."""
    following = sorted(
        (state for state in states if state.file.path > after), key=lambda state: state.file.path
    )
    return following[:limit], len(following) > limit


def is_open(rosbag: Rosbag) -> bool:
    """Check that parts may still be sent."""
    return rosbag.status == Status.UPLOADING and rosbag.deleted_at is None


def sign_part_urls(rosbag: Rosbag, path: str, *, after: int, limit: int) -> FilePlan:
    """Sign URLs of missing parts of a file: at most `limit` of those numbered above `after`.

    Raises:
        FileAbsentError: The session has no such file.
        UploadClosedError: The session has ended.
        StoreError: The storage is unavailable.
    """
    uploads.require_open(rosbag)
    uploads.touch(rosbag)
    file = _find_file(rosbag, path)
    stored = stored_parts([file])[file.key]
    return plan_missing_parts(file, stored, "browser", after=after, limit=limit)


def sign_first_part_urls(
    rosbag: Rosbag, states: Sequence[FileState], *, limit: int, max_opened: int
) -> list[FilePlan]:
    """Sign URLs of the first missing parts, at most `limit` in total.

    Args:
        rosbag: The rosbag of the session.
        states: The states of its files.
        limit: Most URLs.
        max_opened: Most files whose uploads are opened for it, which is a call of the storage each.

    Raises:
        UploadClosedError, StoreError: As for `sign_part_urls`.
    """
    uploads.require_open(rosbag)
    uploads.touch(rosbag)
    plans: list[FilePlan] = []
    for state in states:
        if limit <= 0 or max_opened <= 0:
            break
        if state.missing:
            plan = plan_missing_parts(state.file, state.stored, "browser", limit=limit)
            plans.append(plan)
            limit -= len(plan.parts)
            max_opened -= not state.stored.is_open
    return plans


def abort(rosbag: Rosbag) -> None:
    """Abort a session.

    Raises:
        UploadClosedError: It was completed before.
        StoreError: The storage is unavailable; call again.
    """
    if not abandon(rosbag):
        raise UploadClosedError(_("This upload is complete: delete the rosbag instead."))


def require_not_aborted(rosbag: Rosbag) -> None:
    """Refuse a session without a resulting rosbag.

    Raises:
        UploadAbortedError: It was aborted.
        UploadNotFoundError: Its rosbag was deleted.
    """
    if rosbag.deleted_at is None or resulting_rosbag(rosbag) is not rosbag:
        return
    if rosbag.status == Status.UPLOADING:
        raise UploadAbortedError(_("This upload was aborted: start a new one."))
    raise _deleted()


def _deleted() -> UploadNotFoundError:
    return UploadNotFoundError(_("The rosbag of this upload was deleted: restore it."))


def _find_file(rosbag: Rosbag, path: str) -> RosbagFile:
    file = None if "\0" in path else rosbag.files.filter(path=path).first()
    if file is None:
        message = _("The upload has no file %(path)s: use a path as it was announced.")
        raise FileAbsentError(message % {"path": path.replace("\0", "")})
    return file


def _file_state(file: RosbagFile, stored: StoredParts) -> FileState:
    sizes = part_sizes(file.size)
    return FileState(file, sizes[0] if sizes else 0, len(sizes), stored.missing(file), stored)
