"""Previews and exports in child processes: how many at once, and their failures as sentences."""

from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import BoundedSemaphore

import structlog
from django.utils.translation import gettext as _

from rosbag2.sandbox.runner import Job, JobEndedError, JobFailedError, Limits, run
from storage.choices import sentence
from storage.exceptions import PreviewBusyError, PreviewError

__all__ = ["Job", "Limits", "lines", "place", "stream_place"]

log = structlog.get_logger(__name__)

AT_ONCE = 4
"""Previews that one process of the server makes at the same time."""
WAIT_SECONDS = 10.0
PREVIEW = Limits()
_places = BoundedSemaphore(AT_ONCE)
_stream_places = BoundedSemaphore(AT_ONCE)


@contextmanager
def _place(places: BoundedSemaphore) -> Iterator[None]:
    if not places.acquire(timeout=WAIT_SECONDS):
        raise PreviewBusyError(_("Many previews are being made just now: try again in a while."))
    try:
        yield
    finally:
        places.release()


def place() -> AbstractContextManager[None]:
    """Wait for one of the few places of previews.

    Raises:
        PreviewBusyError: none became free in time.
    """
    return _place(_places)


def stream_place() -> AbstractContextManager[None]:
    """The same for what is sent while it is made: a slow reader holds up no other preview."""
    return _place(_stream_places)


def lines(job: Job, limits: Limits = PREVIEW) -> Generator[bytes]:
    """Run a job, and yield its values as lines of JSON; closing the generator ends the process.

    Raises:
        PreviewError: it cannot be done, or was ended by its limits.
    """
    try:
        yield from run(job, limits)
    except JobFailedError as error:
        text = sentence(error.code, error.details, str(error.details.get("reason", error.code)))
        raise PreviewError(error.code, text, error.details) from error
    except JobEndedError as error:
        log.warning("preview_broke_off", reason=error.reason, errors=error.errors)
        code = "PREVIEW_TOO_LARGE" if error.cause == "memory" else "PREVIEW_BROKE_OFF"
        raise PreviewError(code, sentence(code, {})) from error
