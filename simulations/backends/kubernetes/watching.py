"""Watches that keep the view of the cluster: one for each kind of object, in threads of this process.

A watch lists its kind once and then reads the stream of changes. When the stream ends it goes on from where
it was; when that is too long ago for the API it lists again. Observations never call the API.
"""

import atexit
import os
import random
import threading
import time
from collections.abc import Iterable

import structlog

from simulations.backends.base import Job, UnitState, UnitStatus
from simulations.backends.kubernetes.client import OPEN, Cluster
from simulations.backends.kubernetes.errors import GoneError, PassingError
from simulations.backends.kubernetes.labels import SELECTOR, identity
from simulations.backends.kubernetes.view import Store, View
from simulations.exceptions import BackendError

log = structlog.get_logger(__name__)

FIRST_SECONDS = 5.0
"""Time that the first observation waits for the first lists."""
STALE_SECONDS = 10.0
"""Time without a connection after which the view is not believed any more."""
STREAM_SECONDS = 30
"""Time after which the API ends a stream: a connection that died silently is noticed soon after it."""
FIRST_DELAY = 0.25
LAST_DELAY = 8.0


class KindWatch(threading.Thread):
    """The list and watch of one kind."""

    def __init__(
        self, cluster: Cluster, kind: str, namespace: str, store: Store, **selectors: str
    ) -> None:
        super().__init__(name=f"watch-{kind}", daemon=True)
        self.kind = kind
        self.listed = threading.Event()
        self._cluster, self._namespace, self._store = cluster, namespace, store
        self._selectors = selectors
        self._stopped = threading.Event()
        self._version = ""
        self._away_since: float | None = time.monotonic()
        self._error = ""
        self._delay = FIRST_DELAY

    def run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._follow()
                self._delay = FIRST_DELAY
                # An API that ends streams at once must not be called without a pause.
                self._stopped.wait(FIRST_DELAY)
            except GoneError as error:
                self._version = ""
                self._back_off(error)
            except BackendError as error:
                self._back_off(error)
            except Exception as error:  # a watch that ended would make the view a lie
                log.exception("cluster_watch_failed", kind=self.kind)
                self._back_off(error)

    def stop(self) -> None:
        """End soon: when the stream has ended, or brings something."""
        self._stopped.set()

    def complaint(self) -> str:
        """Say why the view is not believed; empty if it is."""
        away_since = self._away_since
        if not self.listed.is_set():
            return self._error or "The cluster's API has not listed its objects yet."
        if away_since is None or time.monotonic() - away_since < STALE_SECONDS:
            return ""
        return self._error or "The cluster's API does not answer in time: check its control plane."

    def _follow(self) -> None:
        """Read one stream of changes to its end."""
        if self._away_since is None:
            self._away_since = time.monotonic()
        if not self._version:
            objects, self._version = self._cluster.list_raw(
                self.kind, self._namespace, **self._selectors
            )
            self._store.replace(objects)
            self.listed.set()
        changes = self._cluster.watch_raw(
            self.kind, self._namespace, self._version, **self._selectors, seconds=STREAM_SECONDS
        )
        for change, raw in changes:
            if self._stopped.is_set():
                return
            if change == OPEN:
                self._away_since, self._error = None, ""
                continue
            self._delay = FIRST_DELAY
            self._version = raw["metadata"]["resourceVersion"]
            if change != "BOOKMARK":
                self._store.apply(change, raw)

    def _back_off(self, error: Exception) -> None:
        self._error = str(error)
        log.warning("cluster_watch_interrupted", kind=self.kind, error=self._error)
        asked = error.after if isinstance(error, PassingError) else 0.0
        wait = asked or self._delay * random.uniform(0.5, 1.5)  # noqa: S311  no secret
        self._delay = min(self._delay * 2, LAST_DELAY)
        self._stopped.wait(wait)


class Watcher:
    """All watches of a namespace, and the view that they keep."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._view = View()
        view = self._view
        self._jobs = KindWatch(cluster, "jobs", namespace, view.jobs, labels=SELECTOR)
        self._pods = KindWatch(cluster, "pods", namespace, view.pods, labels=SELECTOR)
        events = KindWatch(cluster, "events", namespace, view.events, fields="type=Warning")
        self._watches = [self._jobs, self._pods, events]
        for watch in self._watches:
            watch.start()
        _wait([self._jobs, self._pods], FIRST_SECONDS)

    def observe(self, job: Job, *, retry: bool) -> list[UnitStatus]:
        """Observe every unit of a job; without `retry`, one whose newest pod failed has failed.

        Raises:
            BackendError: The view is not in step with the cluster.
        """
        if complaint := self.complaint():
            raise BackendError(complaint)
        seen = self._view.job(job.name)
        if seen is None or not identity(job).items() <= seen.job.identity.items():
            return [UnitStatus(unit, UnitState.ABSENT) for unit in range(job.units)]
        return seen.units(job.units, retry=retry)

    def complaint(self) -> str:
        """Say why the view is not in step with the cluster; empty if it is.

        Events only explain: units can be observed without the right to read them.
        """
        return self._jobs.complaint() or self._pods.complaint()

    def stop(self) -> None:
        """End the watches soon."""
        for watch in self._watches:
            watch.stop()


def _wait(watches: Iterable[KindWatch], seconds: float) -> None:
    until = time.monotonic() + seconds
    for watch in watches:
        watch.listed.wait(max(0.0, until - time.monotonic()))


_watchers: dict[tuple[int, str, str], Watcher] = {}
_lock = threading.Lock()


def shared(cluster: Cluster, namespace: str) -> Watcher:
    """Return the one watcher of this process for a namespace; the first call starts it."""
    with _lock:
        key = (os.getpid(), cluster.address, namespace)  # a fork has no threads
        if key not in _watchers:
            _watchers[key] = Watcher(cluster, namespace)
        return _watchers[key]


@atexit.register
def stop_all() -> None:
    """End all watches of this process soon: at its end none of them may still log."""
    with _lock:
        for watcher in _watchers.values():
            watcher.stop()
        _watchers.clear()
