"""Where backups stand: `database/<name>.dump`, `.files.gz` and, last, `.json`; contents below `objects/`."""

import gzip
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import BinaryIO, cast

from django.utils import timezone
from django.utils.translation import gettext as _

from backups.copying import Content, DamagedError, Spans, open_checked, sha256_of
from backups.exceptions import BackupError
from backups.manifest import Manifest, parse
from backups.mirror import Wanted
from storage.objects.base import ObjectStore

DATABASE = "database/"
STALE = timedelta(days=1)
"""After this nobody writes any more what has no manifest."""
DUMP, FILES, MANIFEST = ".dump", ".files.gz", ".json"
LATEST = "latest"


class Shelf:
    """The backups in one store. Its methods raise StoreError when the store is away."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store

    def names(self) -> list[str]:
        """Names of all that count, the oldest first."""
        keys = (found.key for found in self.store.list(DATABASE))
        found = [key for key in keys if key.endswith(MANIFEST)]
        return sorted(key.removeprefix(DATABASE).removesuffix(MANIFEST) for key in found)

    def manifest(self, name: str) -> Manifest:
        """What is known of one.

        Raises:
            BackupError: there is none of that name, or its manifest is damaged.
        """
        found = self.store.stat(_key(name, MANIFEST))
        if found is None:
            message = _("There is no backup %(name)s: `manage.py restore --list` names all.")
            raise BackupError(message % {"name": name})
        data = Spans(self.store, found.key, found.size).read()
        return parse(name, data)

    def newest(self) -> str:
        """Name of the newest (BackupError: there is none)."""
        if names := self.names():
            return names[-1]
        raise BackupError(_("There is no backup yet: `manage.py backup` makes one."))

    def save_dump(self, name: str, source: BinaryIO) -> None:
        self.store.put_stream(_key(name, DUMP), source)

    def save_files(self, name: str, source: BinaryIO) -> None:
        self.store.put_stream(_key(name, FILES), source)

    def save_manifest(self, manifest: Manifest) -> None:
        """From here on it counts."""
        self.store.put(_key(manifest.name, MANIFEST), io.BytesIO(manifest.to_json()))

    def verify(self, manifest: Manifest) -> None:
        """Read all of a dump and of its list.

        Raises:
            BackupError: one of them is missing or damaged.
        """
        for ending, sha256 in ((DUMP, manifest.dump_sha256), (FILES, manifest.files_sha256)):
            key = _key(manifest.name, ending)
            found = self.store.stat(key)
            if found is None or sha256_of(self.store, key, found.size) != sha256:
                raise _damaged(key)

    def dump(self, manifest: Manifest) -> BinaryIO:
        """The dump, from its beginning (BackupError: it is missing or has another size)."""
        key = _key(manifest.name, DUMP)
        try:
            return open_checked(self.store, key, Content(manifest.dump_size, manifest.dump_sha256))
        except (FileNotFoundError, DamagedError) as error:
            raise _damaged(key) from error

    def files(self, manifest: Manifest) -> Iterator[Wanted]:
        """The objects that a dump names and that were there.

        Raises:
            BackupError: the list is missing or damaged.
        """
        key = _key(manifest.name, FILES)
        found = self.store.stat(key)
        if found is None:
            raise _damaged(key)
        spans = cast("BinaryIO", Spans(self.store, key, found.size))
        try:
            with gzip.open(io.BufferedReader(_Raw(spans)), "rt") as lines:
                yield from (Wanted(*json.loads(line)) for line in lines)
        except (OSError, EOFError, ValueError, TypeError) as error:
            raise _damaged(key) from error

    def remove(self, name: str) -> None:
        """Remove one, its manifest first: from then on it does not count."""
        for ending in (MANIFEST, DUMP, FILES):
            self.store.delete([_key(name, ending)])

    def sweep(self) -> int:
        """Remove what killed backups left; how many objects."""
        before = timezone.now() - STALE
        names = set(self.names())
        left = [
            found.key
            for found in self.store.list(DATABASE)
            if found.modified < before and _name(found.key) not in names
        ]
        self.store.delete(left)
        return len(left) + self.store.abort_stale("", before)


class _Raw(io.RawIOBase):
    """Spans as the library that unpacks wants to read them."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        chunk = self._source.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)


def _key(name: str, ending: str) -> str:
    return f"{DATABASE}{name}{ending}"


def _name(key: str) -> str:
    for ending in (DUMP, FILES, MANIFEST):
        key = key.removesuffix(ending)
    return key.removeprefix(DATABASE)


def _damaged(key: str) -> BackupError:
    message = _("%(key)s is missing or damaged: nothing was changed. Take another backup.")
    return BackupError(message % {"key": key})
