"""The view of the cluster: the Jobs, pods and events of ours in a namespace, as its API last told.

Watches write it and observations read it, each under the one lock: a reader sees all kinds at one moment.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import structlog

from simulations.backends.kubernetes.records import (
    EventRecord,
    JobRecord,
    PodRecord,
    Raw,
    event_record,
    job_record,
    pod_record,
    removed_pod_record,
    vanished,
)
from simulations.backends.kubernetes.units import JobView

log = structlog.get_logger(__name__)

DELETED = "DELETED"
MAX_NAME = 100
"""Characters of an object without a name that the log has."""

Record = TypeVar("Record")


class Store(Protocol):
    """The objects of one kind."""

    def replace(self, raws: Iterable[Raw]) -> None:
        """Take a list of all objects: others no longer exist."""

    def apply(self, change: str, raw: Raw) -> None:
        """Take one change: ADDED, MODIFIED or DELETED."""


class View:
    """Jobs, pods and events that exist, kept by its stores."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.jobs = Jobs(self)
        self.pods = Pods(self)
        self.events = Events(self)

    def job(self, name: str) -> JobView | None:
        """Return a Job with its pods and events; None: it does not exist."""
        with self.lock:
            job = self.jobs.by_name.get(name)
            if job is None:
                return None
            units = self.pods.units(job.uid)
            pods = {index: list(unit.values()) for index, unit in units.items()}
            about = [job.uid, *(pod.uid for unit in pods.values() for pod in unit)]
            events = self.events.by_object
            return JobView(job, pods, {uid: events[uid] for uid in about if uid in events})


class Jobs:
    """Jobs by name."""

    def __init__(self, view: View) -> None:
        self._view = view
        self.by_name: dict[str, JobRecord] = {}

    def uids(self) -> set[str]:
        """Return the uids of all Jobs that exist."""
        return {record.uid for record in self.by_name.values()}

    def replace(self, raws: Iterable[Raw]) -> None:
        records = {record.name: record for record in _records(raws, job_record)}
        with self._view.lock:
            before, self.by_name = self.uids(), records
            for uid in before - self.uids():
                self._view.pods.forget(uid)

    def apply(self, change: str, raw: Raw) -> None:
        for record in _records([raw], job_record):
            with self._view.lock:
                if change == DELETED:
                    self.by_name.pop(record.name, None)
                    self._view.pods.forget(record.uid)
                else:
                    self.by_name[record.name] = record


class Pods:
    """Pods by Job, index and uid.

    A pod that was removed is kept as a failed one as long as its Job exists: what became of its process
    must not be lost.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._by_job: dict[str, dict[int, dict[str, PodRecord]]] = {}

    def units(self, job: str) -> dict[int, dict[str, PodRecord]]:
        """Return the pods of a Job, which its uid names, by index and uid."""
        return self._by_job.get(job, {})

    def forget(self, job: str) -> None:
        """Drop the pods of a Job that no longer exists."""
        self._by_job.pop(job, None)

    def replace(self, raws: Iterable[Raw]) -> None:
        records = list(_records(raws, pod_record))
        exist = {record.uid for record in records}
        with self._view.lock:
            for pod in [pod for pod in self._all() if pod.uid not in exist]:
                self._remove(vanished(pod))
            for record in records:
                self._put(record)

    def apply(self, change: str, raw: Raw) -> None:
        if change == DELETED:
            put, make = self._remove, removed_pod_record
        else:
            put, make = self._put, pod_record
        for record in _records([raw], make):
            with self._view.lock:
                put(record)

    def _all(self) -> Iterator[PodRecord]:
        for units in self._by_job.values():
            for unit in units.values():
                yield from unit.values()

    def _put(self, record: PodRecord) -> None:
        unit = self._by_job.setdefault(record.job, {}).setdefault(record.index, {})
        if record.grace is not None:
            earlier = unit.get(record.uid)
            gone_at = time.monotonic() + record.grace
            if earlier is not None and earlier.gone_at is not None:
                gone_at = min(gone_at, earlier.gone_at)
            record = replace(record, gone_at=gone_at)
        unit[record.uid] = record

    def _remove(self, record: PodRecord) -> None:
        if record.job in self._view.jobs.uids():
            self._put(record)
            return
        units = self._by_job.get(record.job, {})
        units.get(record.index, {}).pop(record.uid, None)
        if not any(units.values()):
            self.forget(record.job)


class Events:
    """The newest event by the uid of the object that it is about."""

    def __init__(self, view: View) -> None:
        self._view = view
        self.by_object: dict[str, EventRecord] = {}

    def replace(self, raws: Iterable[Raw]) -> None:
        records = sorted(_records(raws, event_record), key=lambda record: record.time)
        with self._view.lock:
            self.by_object = {record.about: record for record in records}

    def apply(self, change: str, raw: Raw) -> None:
        for record in _records([raw], event_record):
            with self._view.lock:
                newest = self.by_object.get(record.about)
                if change == DELETED:  # an hour after its last repetition
                    if newest is not None and newest.uid == record.uid:
                        del self.by_object[record.about]
                elif newest is None or newest.time <= record.time:
                    self.by_object[record.about] = record


def _records(raws: Iterable[Raw], make: Callable[[Raw], Record | None]) -> Iterator[Record]:
    """Make records of objects; one that cannot be read must not hide all the others."""
    for raw in raws:
        try:
            record = make(raw)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            log.warning("cluster_object_unreadable", object=_name(raw), error=str(error))
            continue
        if record is not None:
            yield record


def _name(raw: Any) -> str:
    metadata = raw.get("metadata") if isinstance(raw, dict) else None
    return str(metadata.get("name")) if isinstance(metadata, dict) else str(raw)[:MAX_NAME]
