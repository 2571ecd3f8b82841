"""Child processes for previews and exports: concurrency limits, and failures as domain errors."""

from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import BoundedSemaphore

import structlog
from django.utils.translation import gettext as _

from rosbag2.sandbox.runner import Job, JobEndedError, JobFailedError, Limits, run
from storage.choices import sentence
from storage.exceptions import PreviewBusyError, PreviewError

__all__ = ["Job", "Limits", "lines", "preview_slot", "stream_slot"]

log = structlog.get_logger(__name__)

MAX_CONCURRENT = 4
"""Concurrent previews per server process."""
WAIT_SECONDS = 10.0
PREVIEW_LIMITS = Limits()
_slots = BoundedSemaphore(MAX_CONCURRENT)
_stream_slots = BoundedSemaphore(MAX_CONCURRENT)


@contextmanager
def _slot(slots: BoundedSemaphore) -> Iterator[None]:
    if not slots.acquire(timeout=WAIT_SECONDS):
        raise PreviewBusyError(
            _("Too many previews are being made at the moment: try again later.")
        )
    try:
        yield
    finally:
        slots.release()


def preview_slot() -> AbstractContextManager[None]:
    """Wait for one of the limited preview slots.

    Raises:
        PreviewBusyError: No slot became free in time.
    """
    return _slot(_slots)


def stream_slot() -> AbstractContextManager[None]:
    """Wait for a slot of streamed previews, so that slow clients do not block other previews."""
    return _slot(_stream_slots)


def lines(job: Job, limits: Limits = PREVIEW_LIMITS) -> Generator[bytes]:
    """Run a job in a child process; closing the generator ends the process.

    Yields:
        The values of the job, as lines of JSON.

    Raises:
        PreviewError: The job failed, or was stopped by its limits.
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
