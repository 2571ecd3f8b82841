"""Who may verify a rosbag now: one worker, until its lease ends.

The row's `lease_until` is lease and fence in one: a worker that was taken for dead finds another value
there, and nothing it writes counts any more.
"""

from datetime import datetime, timedelta
from threading import Event, Thread
from types import TracebackType
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from storage.choices import Status
from storage.models import Rosbag

log = structlog.get_logger(__name__)
_BEGUN = "begun"
"""In the details of a row that is being verified; the verdict replaces them."""


class Lease:
    """The right to verify one rosbag; as a context manager it renews itself in the background."""

    def __init__(self, rosbag_id: int, until: datetime) -> None:
        self.rosbag_id = rosbag_id
        self.until = until
        self._ended = Event()
        self._renewing = Thread(target=self._renew_often, name=f"lease-{rosbag_id}", daemon=True)

    @classmethod
    def take(cls, rosbag_id: int) -> "Lease | None":
        """Take the lease; None when another worker holds it or there is nothing to verify."""
        until = _end()
        free = Rosbag.objects.free_to_verify(timezone.now()).filter(pk=rosbag_id)
        return cls(rosbag_id, until) if free.update(lease_until=until) else None

    def __enter__(self) -> "Lease":
        self._renewing.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._renewing.join()

    def renew(self) -> bool:
        """Hold on for another while; False when the lease was lost."""
        until = _end()
        if not self.write(lease_until=until):
            return False
        self.until = until
        return True

    def write(self, **fields: Any) -> bool:
        """Change the row while the lease is held; False, and nothing written, when it was lost."""
        held = Rosbag.objects.filter(
            pk=self.rosbag_id, status=Status.VERIFYING, lease_until=self.until
        )
        return held.update(**fields) == 1

    def count(self) -> int:
        """Note that the work begins; the answer is how often it began before and never came to an end.

        It is noted beforehand, as nobody can note it once the worker is killed.
        """
        details = Rosbag.objects.filter(pk=self.rosbag_id).values_list("details", flat=True).get()
        begun = int(details.get(_BEGUN, 0))
        self.write(details={_BEGUN: begun + 1})
        return begun

    def release(self) -> None:
        """Let another worker take it at once: this one was not killed by it."""
        self.write(lease_until=None, details={})

    def _renew_often(self) -> None:
        held = True
        while held and not self._ended.wait(settings.TASK_LEASE_SECONDS / 3):
            try:
                held = self.renew()
            except DatabaseError as error:
                log.warning("lease_not_renewed", rosbag=self.rosbag_id, error=str(error))
            finally:
                connection.close()  # this thread's own


def _end() -> datetime:
    return timezone.now() + timedelta(seconds=settings.TASK_LEASE_SECONDS)
