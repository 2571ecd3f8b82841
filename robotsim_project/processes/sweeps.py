"""Times at which to look for unfinished work of ended processes.

Their leases tell that they have ended, by the clock. After an outage of the database, and after the machine
was suspended, the leases of all are expired: whoever lives has to get the time to renew them first.
"""

import time

from django.conf import settings

SWEEP_SECONDS = 1.0
"""Pause between two sweeps."""


class Sweeps:
    """The times of sweeps of one controller."""

    def __init__(self) -> None:
        self._next = 0.0
        self._offset = 0.0
        self.postpone()

    def postpone(self) -> None:
        """Wait for as long as a lease lasts: until now nobody could renew any."""
        self._next = time.monotonic() + settings.TASK_LEASE_SECONDS
        self._offset = _clock_offset()

    def is_due(self) -> bool:
        """Return True when it is time for a sweep; the next one is due after `SWEEP_SECONDS`."""
        if abs(_clock_offset() - self._offset) > settings.TASK_LEASE_SECONDS / 3:
            self.postpone()  # suspended, or the clock was set
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + SWEEP_SECONDS
        return True


def _clock_offset() -> float:
    """Seconds between the clock of leases and one that stands while the machine is suspended."""
    return time.time() - time.monotonic()
