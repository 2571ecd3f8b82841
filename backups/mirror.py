"""The mirror of all objects in the store of the backups, each under the checksum of its content.

A name there says what it holds: a key whose object was replaced by another cannot take away what an older
backup needs, and one listing tells all that is there. See docs/decisions/0021-backup.md.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from django.db import DEFAULT_DB_ALIAS

from backups.copying import Content, DamagedError, carry, sha256_of
from storage.choices import Status
from storage.keys import PREFIX
from storage.models import RosbagFile
from storage.objects.base import ObjectStore

OBJECTS = "objects/"
PAGE = 1000
THREADS = 4
AHEAD = 4 * THREADS


class Fate(StrEnum):
    """What became of a file."""

    HELD = "held"
    COPIED = "copied"
    MISSING = "missing"
    DAMAGED = "damaged"


@dataclass(frozen=True)
class Wanted:
    """A stored file; size in bytes, the checksum is empty while nobody has taken it."""

    key: str
    size: int
    sha256: str


Carried = tuple[Wanted, Fate]


def wanted(using: str = DEFAULT_DB_ALIAS) -> Iterator[Wanted]:
    """All files of the database that have arrived; read in pages, so that no query stays open."""
    rows = RosbagFile.objects.using(using).exclude(rosbag__status=Status.UPLOADING).order_by("pk")
    last = 0
    while page := list(rows.filter(pk__gt=last).values_list("pk", "key", "size", "sha256")[:PAGE]):
        for _pk, key, size, sha256 in page:
            yield Wanted(key, size, sha256)
        last = page[-1][0]


def still_wanted(keys: Collection[str]) -> set[str]:
    """Which of these keys the database names now."""
    return set(RosbagFile.objects.filter(key__in=keys).values_list("key", flat=True))


def name_of(sha256: str) -> str:
    """Where the mirror keeps a content, such as `objects/3f/3f9a...`."""
    return f"{OBJECTS}{sha256[:2]}/{sha256}"


class Mirror:
    """The mirror, and what it holds already.

    Its methods raise StoreError when one of the stores is away or refuses.
    """

    def __init__(self, live: ObjectStore, kept: ObjectStore) -> None:
        self._live = live
        self._kept = kept
        self._held = {found.key.rpartition("/")[2]: found.size for found in kept.list(OBJECTS)}

    def holds(self, file: Wanted) -> bool:
        """Whether its content is there."""
        return self._held.get(file.sha256) == file.size

    def take(self, files: Iterable[Wanted]) -> Iterator[Carried]:
        """Bring files in that are not held; each with its checksum and what became of it."""
        return _several(files, self._take, self.holds)

    def give_back(self, files: Iterable[Wanted]) -> Iterator[Carried]:
        """Bring files back to where they live; what is there in its size stays."""
        there = {found.key: found.size for found in self._live.list(PREFIX)}
        return _several(files, self._give, lambda file: there.get(file.key) == file.size)

    def thin(self, needed: Collection[str], before: datetime) -> tuple[int, int]:
        """Remove contents that are not needed and older than an instant; how many, and their bytes."""
        idle = [
            found
            for found in self._kept.list(OBJECTS)
            if found.key.rpartition("/")[2] not in needed and found.modified < before
        ]
        self._kept.delete([found.key for found in idle])
        return len(idle), sum(found.size for found in idle)

    def _take(self, file: Wanted) -> Carried:
        try:
            known = replace(file, sha256=file.sha256 or self._taken(file))
            if not self.holds(known):
                content = Content(known.size, known.sha256)
                carry(self._live, known.key, self._kept, name_of(known.sha256), content)
                self._held[known.sha256] = known.size
                return known, Fate.COPIED
        except FileNotFoundError:
            return file, Fate.MISSING
        except DamagedError:
            return file, Fate.DAMAGED
        return known, Fate.HELD

    def _taken(self, file: Wanted) -> str:
        found = self._live.stat(file.key)
        if found is None:
            raise FileNotFoundError(file.key)
        if found.size != file.size:
            raise DamagedError(file.key)
        return sha256_of(self._live, file.key, file.size)

    def _give(self, file: Wanted) -> Carried:
        content = Content(file.size, file.sha256)
        try:
            carry(self._kept, name_of(file.sha256), self._live, file.key, content)
        except FileNotFoundError:
            return file, Fate.MISSING
        except DamagedError:
            return file, Fate.DAMAGED
        return file, Fate.COPIED


def _several(
    files: Iterable[Wanted], bring: Callable[[Wanted], Carried], done: Callable[[Wanted], bool]
) -> Iterator[Carried]:
    """Bring several files at a time; when one raises, those that wait are not begun."""
    pool = ThreadPoolExecutor(THREADS)
    under_way: deque[Future[Carried]] = deque()
    try:
        for file in files:
            if done(file):
                yield file, Fate.HELD
                continue
            under_way.append(pool.submit(bring, file))
            if len(under_way) > AHEAD:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
