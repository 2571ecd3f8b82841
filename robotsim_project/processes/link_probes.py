"""Threads of a controller that make tests of MECs, as passes go on meanwhile."""

import threading
from contextlib import suppress

import structlog
from django.conf import settings
from django.db import Error, close_old_connections, connection

from common.db.leases import Lease, LeaseLostError
from simulations.backends import backend
from simulations.services.designs import probe_answers

log = structlog.get_logger(__name__)
MAX_AT_ONCE = 4


class LinkProbes:
    """Makes the tests that servers request, a few at once."""

    def __init__(self) -> None:
        self._running: dict[threading.Thread, Lease] = {}

    def take(self, *, lost: bool) -> None:
        """Begin with tests that nobody makes; with `lost`, with those of killed controllers too.

        Raises:
            Error: The database is unreachable.
        """
        if not backend(settings.BACKEND).controller_only:
            return  # nobody requests any
        self._running = {thread: row for thread, row in self._running.items() if thread.is_alive()}
        while len(self._running) < MAX_AT_ONCE and (lease := probe_answers.take(lost=lost)):
            thread = threading.Thread(target=_answer, args=(lease,), name="link-probe", daemon=True)
            self._running[thread] = lease
            thread.start()

    def give_back(self) -> None:
        """Let other controllers make the tests that this one has begun, as it ends."""
        for thread, lease in self._running.items():
            if thread.is_alive():
                with suppress(Error):  # then they see it when the lease expires
                    lease.release()


def _answer(lease: Lease) -> None:
    close_old_connections()
    try:
        probe_answers.answer(lease)
    except LeaseLostError:
        log.info("link_probe_taken_over", probe=lease.pk)
    except Exception:
        # Its lease expires, and it is made again, also after an outage of the database.
        log.exception("link_probe_failed", probe=lease.pk)
    finally:
        connection.close()
