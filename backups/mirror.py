"""The mirror: copies of all objects in the store of the backups, each named after its checksum.

As a name identifies a content, an object that was replaced cannot take away what an older backup needs, and
one listing is enough to know what is mirrored. See docs/decisions/0021-backup.md.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from django.db import DEFAULT_DB_ALIAS

from backups.copying import Content, DamagedError, copy_object, sha256_of
from storage.keys import PREFIX
from storage.models import RosbagFile
from storage.objects.base import ObjectStore

OBJECTS = "objects/"
PAGE_SIZE = 1000
THREADS = 4
MAX_QUEUED = 4 * THREADS


class CopyResult(StrEnum):
    """Result of copying one file."""

    PRESENT = "present"
    COPIED = "copied"
    MISSING = "missing"
    DAMAGED = "damaged"


@dataclass(frozen=True)
class StoredFile:
    """A file of a rosbag; size in bytes, the checksum is empty until it has been computed."""

    key: str
    size: int
    sha256: str


Outcome = tuple[StoredFile, CopyResult]


def stored_files(using: str = DEFAULT_DB_ALIAS) -> Iterator[StoredFile]:
    """Iterate over the uploaded files of all rosbags, in pages, so that no query stays open."""
    rows = RosbagFile.objects.using(using).stored().order_by("pk")
    last = 0
    while page := list(
        rows.filter(pk__gt=last).values_list("pk", "key", "size", "sha256")[:PAGE_SIZE]
    ):
        for _pk, key, size, sha256 in page:
            yield StoredFile(key, size, sha256)
        last = page[-1][0]


def referenced_keys(keys: Collection[str]) -> set[str]:
    """Return those of the keys that the database names now."""
    return set(RosbagFile.objects.filter(key__in=keys).values_list("key", flat=True))


def content_key(sha256: str) -> str:
    """Return the key of a content in the mirror, such as `objects/3f/3f9a...`."""
    return f"{OBJECTS}{sha256[:2]}/{sha256}"


class Mirror:
    """The mirror and an inventory of its contents.

    Its methods raise StoreError when one of the stores is unreachable or refuses.
    """

    def __init__(self, live: ObjectStore, backup: ObjectStore) -> None:
        self._live = live
        self._backup = backup
        self._sizes = {info.key.rpartition("/")[2]: info.size for info in backup.list(OBJECTS)}

    def contains(self, file: StoredFile) -> bool:
        """Return True when the content of a file is mirrored."""
        return self._sizes.get(file.sha256) == file.size

    def copy_in(self, files: Iterable[StoredFile]) -> Iterator[Outcome]:
        """Copy files into the mirror unless it has them.

        Yields:
            The files, with their checksums, and the results.
        """
        return _copy_in_parallel(files, self._copy_in, self.contains)

    def copy_back(self, files: Iterable[StoredFile]) -> Iterator[Outcome]:
        """Copy files back into the live store, unless an object of the right size exists."""
        sizes = {info.key: info.size for info in self._live.list(PREFIX)}
        return _copy_in_parallel(
            files, self._copy_back, lambda file: sizes.get(file.key) == file.size
        )

    def prune(self, needed: Collection[str], before: datetime) -> tuple[int, int]:
        """Remove contents that are not needed and older than an instant.

        Returns:
            Number of removed contents, and their size in bytes.
        """
        unused = [
            info
            for info in self._backup.list(OBJECTS)
            if info.key.rpartition("/")[2] not in needed and info.modified < before
        ]
        self._backup.delete([info.key for info in unused])
        return len(unused), sum(info.size for info in unused)

    def _copy_in(self, file: StoredFile) -> Outcome:
        try:
            hashed = replace(file, sha256=file.sha256 or self._checksum(file))
            if not self.contains(hashed):
                content = Content(hashed.size, hashed.sha256)
                copy_object(
                    self._live, hashed.key, self._backup, content_key(hashed.sha256), content
                )
                self._sizes[hashed.sha256] = hashed.size
                return hashed, CopyResult.COPIED
        except FileNotFoundError:
            return file, CopyResult.MISSING
        except DamagedError:
            return file, CopyResult.DAMAGED
        return hashed, CopyResult.PRESENT

    def _checksum(self, file: StoredFile) -> str:
        info = self._live.stat(file.key)
        if info is None:
            raise FileNotFoundError(file.key)
        if info.size != file.size:
            raise DamagedError(file.key)
        return sha256_of(self._live, file.key, file.size)

    def _copy_back(self, file: StoredFile) -> Outcome:
        content = Content(file.size, file.sha256)
        try:
            copy_object(self._backup, content_key(file.sha256), self._live, file.key, content)
        except FileNotFoundError:
            return file, CopyResult.MISSING
        except DamagedError:
            return file, CopyResult.DAMAGED
        return file, CopyResult.COPIED


def _copy_in_parallel(
    files: Iterable[StoredFile],
    copy: Callable[[StoredFile], Outcome],
    is_present: Callable[[StoredFile], bool],
) -> Iterator[Outcome]:
    """Copy several files at a time; when one raises, those that wait are not begun."""
    pool = ThreadPoolExecutor(THREADS)
    pending: deque[Future[Outcome]] = deque()
    try:
        for file in files:
            if is_present(file):
                yield file, CopyResult.PRESENT
                continue
            pending.append(pool.submit(copy, file))
            if len(pending) > MAX_QUEUED:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
