"""Completing upload sessions: one request joins the parts, concurrent ones wait for its result."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.utils.translation import gettext as _

from common.db import leases
from common.db.leases import Lease
from storage.choices import Status
from storage.exceptions import UploadBusyError
from storage.models import Rosbag
from storage.services.intake import uploads
from storage.services.intake.abandoning import abandon
from storage.services.intake.assembly import FinishedUpload
from storage.services.intake.sessions import is_open, require_not_aborted, resulting_rosbag
from storage.services.rosbags.deduplication import SameContentError

WAIT_SECONDS = 10.0
POLL_SECONDS = 0.1


def complete(rosbag: Rosbag, finished: Sequence[FinishedUpload]) -> Rosbag:
    """Join the parts and enqueue the verification; repeated and concurrent calls give the same result.

    Returns:
        The rosbag of the session, or the one that has the same content already.

    Raises:
        UploadIncompleteError: `errors` points at the files with missing parts.
        UploadBusyError: Another request is joining them and did not end within `WAIT_SECONDS`.
        UploadAbortedError, UploadClosedError: The session was aborted.
        StoreError: The storage is unavailable; call again.
    """
    with _exclusive(rosbag) as acquired:
        if not acquired:
            return resulting_rosbag(rosbag)
        try:
            return uploads.complete(rosbag, finished)
        except SameContentError as error:
            _abort_as_duplicate(rosbag, error.existing)
            return error.existing


@contextmanager
def _exclusive(rosbag: Rosbag) -> Iterator[bool]:
    """Yield True while holding the lease; False when another request completed the session meanwhile."""
    lease = _claim(rosbag)
    if lease is None:
        yield False
        return
    with lease:
        yield True


def _claim(rosbag: Rosbag) -> Lease | None:
    deadline = time.monotonic() + WAIT_SECONDS
    uploading = Rosbag.objects.living().filter(status=Status.UPLOADING)
    while True:
        lease = leases.claim(uploading, rosbag.pk, release_on=[Exception])
        if lease is not None:
            return lease
        rosbag.refresh_from_db()
        if not is_open(rosbag):
            require_not_aborted(rosbag)
            return None
        if time.monotonic() > deadline:
            raise UploadBusyError(_("The parts are being joined: try again in a moment."))
        time.sleep(POLL_SECONDS)


def _abort_as_duplicate(rosbag: Rosbag, existing: Rosbag) -> None:
    """Save which rosbag has the content, so that repeated calls give the same result."""
    abandon(rosbag, original=existing)
