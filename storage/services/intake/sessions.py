"""Upload sessions: large bundles that people and programs send in parts, and resume after a broken line.

A session is a rosbag that is still being uploaded; it has that rosbag's id. Only who began it, or an admin,
may go on with it: two senders in one upload would mix their parts.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.utils.translation import gettext as _

from accounts.choices import Role
from accounts.models import User
from common.db import leases
from common.db.leases import Lease
from storage.choices import Origin, Status
from storage.exceptions import (
    FileAbsentError,
    FilesInvalidError,
    UploadAbortedError,
    UploadBusyError,
    UploadClosedError,
    UploadForeignError,
    UploadNotFoundError,
)
from storage.models import Rosbag, RosbagFile
from storage.querysets import RosbagQuerySet
from storage.services.intake import uploads
from storage.services.intake.assembly import FinishedUpload
from storage.services.intake.parts import (
    FilePlan,
    is_whole,
    part_count,
    part_sizes,
    plan,
    stored_parts,
)
from storage.services.rosbags.deduplication import SameContentError, find
from storage.services.rosbags.digest import content_digest

MOST_FILES = 1000
MOST_PARTS_OF_ALL = 50_000
"""Of all files of a session; who asks how far it is has each of them looked at."""
WAIT_SECONDS = 10.0
POLL_SECONDS = 0.1
JOIN_SECONDS = 60.0


@dataclass(frozen=True)
class FileState:
    """How far a file has come; sizes in bytes, `missing` are numbers of parts."""

    file: RosbagFile
    part_size: int
    part_count: int
    missing: list[int]

    @property
    def stored_bytes(self) -> int:
        """Bytes of the parts that are stored."""
        sizes = part_sizes(self.file.size)
        return self.file.size - sum(sizes[number - 1] for number in self.missing)


@dataclass(frozen=True)
class Completed:
    """What a session became: the rosbag with its content, and whether this call made it so."""

    rosbag: Rosbag
    now: bool


def open_session(name: str, files: Sequence[uploads.NewFile], user: User) -> tuple[Rosbag, bool]:
    """Begin a session; the rosbag that is there already, and False, when its content is known.

    Raises:
        FilesInvalidError: a name, size or checksum that no bundle can have.
        StoreError: the storage is away; nothing stays behind.
    """
    if len(files) > MOST_FILES:
        message = _("An upload has at most %(most)d files, this one %(count)d: join small ones.")
        raise FilesInvalidError(message % {"most": MOST_FILES, "count": len(files)})
    _require_few_parts(files)
    if files and all(file.sha256 for file in files):
        known = find(content_digest((file.path, file.sha256) for file in files))
        if known is not None:
            return known, False
    begun = uploads.begin(name, files, origin=Origin.UPLOADED, created_by=user, at_once=False)
    return begun, True


def _require_few_parts(files: Sequence[uploads.NewFile]) -> None:
    parts = sum(part_count(file.size) for file in files if 0 <= file.size <= uploads.LARGEST_FILE)
    if parts > MOST_PARTS_OF_ALL:
        message = _(
            "An upload has at most %(most)d parts, this one %(count)d: send several bundles."
        )
        raise FilesInvalidError(message % {"most": MOST_PARTS_OF_ALL, "count": parts})


def sessions_of(user: User) -> RosbagQuerySet:
    """Open sessions that this user may go on with."""
    rosbags = Rosbag.objects.living().filter(
        in_parts=True, origin=Origin.UPLOADED, status=Status.UPLOADING
    )
    return rosbags if user.has_role(Role.ADMIN) else rosbags.filter(created_by=user)


def session(pk: int, user: User) -> Rosbag:
    """Find a session, open or completed.

    Raises:
        UploadNotFoundError: there is none of that id.
        UploadForeignError: somebody else began it, and the user is no admin.
        UploadAbortedError: it was given up.
    """
    rosbags = Rosbag.objects.select_related("created_by", "original__created_by")
    rosbag = rosbags.filter(pk=pk, in_parts=True, origin=Origin.UPLOADED).first()
    if rosbag is None:
        raise UploadNotFoundError(_("There is no such upload: check the id, or begin a new one."))
    if rosbag.created_by_id != user.pk and not user.has_role(Role.ADMIN):
        message = _("Somebody else began this upload: begin one of your own, or ask an admin.")
        raise UploadForeignError(message)
    _require_alive(rosbag)
    return rosbag


def outcome(rosbag: Rosbag) -> Rosbag:
    """The rosbag that a session became: itself, or the one that had its content already."""
    return rosbag.original if rosbag.deleted_at and rosbag.original else rosbag


def states(rosbag: Rosbag, path: str = "") -> list[FileState]:
    """How far each file of a session has come, or the one of that path (FileAbsentError)."""
    files = [_file(rosbag, path)] if path else list(rosbag.files.all())
    return [_state(file, is_open=is_open(rosbag)) for file in files]


def is_open(rosbag: Rosbag) -> bool:
    """Whether parts may be sent."""
    return rosbag.status == Status.UPLOADING and rosbag.deleted_at is None


def addresses(rosbag: Rosbag, path: str, *, after: int, limit: int) -> FilePlan:
    """Addresses of missing parts of a file: at most `limit` of those numbered above `after`.

    Raises:
        FileAbsentError: the session has no such file.
        UploadClosedError: it has ended.
        StoreError: the storage is away.
    """
    uploads.require_open(rosbag)
    uploads.touch(rosbag)
    return plan(_file(rosbag, path), "browser", after=after, limit=limit)


def first_addresses(
    rosbag: Rosbag, states: Sequence[FileState], *, limit: int, most_files: int
) -> list[FilePlan]:
    """Addresses of the first missing parts, `limit` in all, of at most so many files.

    Raises:
        UploadClosedError, StoreError: as `addresses`.
    """
    uploads.require_open(rosbag)
    uploads.touch(rosbag)
    found: list[FilePlan] = []
    for state in [each for each in states if each.missing][:most_files]:
        left = limit - sum(len(each.parts) for each in found)
        if left > 0:
            found.append(plan(state.file, "browser", limit=left))
    return found


def complete(rosbag: Rosbag, named: Sequence[FinishedUpload]) -> Completed:
    """Join the parts; the rosbag then awaits verification. Twice, or at once, gives the same answer.

    Raises:
        UploadIncompleteError: `errors` names what is missing.
        UploadBusyError: another request joins them, and has not ended within `WAIT_SECONDS`.
        UploadAbortedError, UploadClosedError: it was given up.
        StoreError: the storage is away; call again.
    """
    with _alone(rosbag) as mine:
        if not mine:
            return Completed(outcome(rosbag), now=False)
        try:
            done = uploads.complete(rosbag, named)
        except SameContentError as error:
            _yield_to(rosbag, error.known)
            return Completed(error.known, now=False)
        return Completed(done, now=done.status == Status.VERIFYING)


def abort(rosbag: Rosbag) -> None:
    """Give a session up.

    Raises:
        UploadClosedError: it has been completed before.
        StoreError: the storage is away; call again.
    """
    if not uploads.abandon(rosbag):
        raise UploadClosedError(_("This upload is complete: delete the rosbag instead."))


@contextmanager
def _alone(rosbag: Rosbag) -> Iterator[bool]:
    """Be the only one who joins: True. False: it was joined by another, `rosbag` is read anew."""
    lease = _claim(rosbag)
    if lease is None:
        yield False
        return
    with lease:
        yield True


def _claim(rosbag: Rosbag) -> Lease | None:
    deadline = time.monotonic() + WAIT_SECONDS
    opened = Rosbag.objects.living().filter(status=Status.UPLOADING)
    while True:
        lease = leases.claim(opened, rosbag.pk, seconds=JOIN_SECONDS, release_on=[Exception])
        if lease is not None:
            return lease
        rosbag.refresh_from_db()
        if not is_open(rosbag):
            _require_alive(rosbag)
            return None
        if time.monotonic() > deadline:
            raise UploadBusyError(_("The parts are being joined: ask again in a moment."))
        time.sleep(POLL_SECONDS)


def _require_alive(rosbag: Rosbag) -> None:
    if rosbag.deleted_at is None or outcome(rosbag) is not rosbag:
        return
    if rosbag.status == Status.UPLOADING:
        raise UploadAbortedError(_("This upload was given up: begin a new one."))
    raise UploadNotFoundError(_("The rosbag of this upload was deleted: restore it."))


def _yield_to(rosbag: Rosbag, known: Rosbag) -> None:
    """Remember which rosbag had the content, so that asking again gives the same answer."""
    Rosbag.objects.filter(pk=rosbag.pk).update(original=known)
    uploads.abandon(rosbag)


def _file(rosbag: Rosbag, path: str) -> RosbagFile:
    file = None if "\0" in path else rosbag.files.filter(path=path).first()
    if file is None:
        message = _("The upload has no file %(path)s: use a path as it was announced.")
        raise FileAbsentError(message % {"path": path.replace("\0", "")})
    return file


def _state(file: RosbagFile, *, is_open: bool) -> FileState:
    sizes = part_sizes(file.size)
    missing: list[int] = []
    if is_open and sizes:
        stored = stored_parts(file)
        if stored is not None or not is_whole(file):
            missing = [n for n in range(1, len(sizes) + 1) if n not in (stored or {})]
    return FileState(file, sizes[0] if sizes else 0, len(sizes), missing)
