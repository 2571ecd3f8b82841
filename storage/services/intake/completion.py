"""Completing upload sessions: checked in the request, the parts are joined by the worker."""

from collections.abc import Sequence

from storage.exceptions import UploadClosedError
from storage.models import Rosbag
from storage.services.intake import uploads
from storage.services.intake.abandoning import abandon
from storage.services.intake.assembly import FinishedUpload
from storage.services.intake.sessions import is_open, require_not_aborted, resulting_rosbag
from storage.services.rosbags.deduplication import SameContentError


def complete(rosbag: Rosbag, finished: Sequence[FinishedUpload]) -> Rosbag:
    """Enqueue the verification; repeated and concurrent calls give the same result.

    Returns:
        The rosbag of the session, or the one that has the same content already.

    Raises:
        UploadIncompleteError: `errors` points at the files with missing parts.
        UploadAbortedError, UploadClosedError: The session was aborted.
        StoreError: The storage is unavailable; call again.
    """
    if not is_open(rosbag):
        return resulting_rosbag(rosbag)
    try:
        return uploads.complete(rosbag, finished)
    except SameContentError as error:
        # Saved, so that repeated calls give the same result.
        abandon(rosbag, original=error.existing)
        return error.existing
    except UploadClosedError:
        require_not_aborted(rosbag)
        return resulting_rosbag(rosbag)
