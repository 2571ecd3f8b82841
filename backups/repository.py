"""The repository of backups: `database/<name>.dump`, `.files.gz` and, written last, `.json`.

The contents of the objects are below `objects/`; see `mirror`.
"""

import gzip
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import BinaryIO, cast

from django.utils import timezone
from django.utils.translation import gettext as _

from backups.copying import Content, DamagedError, RangeReader, open_checked, sha256_of
from backups.exceptions import BackupError
from backups.manifest import Manifest, parse
from backups.mirror import StoredFile
from storage.objects.base import ObjectStore

DATABASE = "database/"
STALE_AFTER = timedelta(days=1)
"""Age at which files without a manifest are left over from a killed backup."""
DUMP, FILES, MANIFEST = ".dump", ".files.gz", ".json"
LATEST = "latest"


class Repository:
    """The backups in one store. Its methods raise StoreError when the store is unreachable."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store

    def names(self) -> list[str]:
        """List the names of all complete backups, oldest first."""
        keys = (info.key for info in self.store.list(DATABASE))
        return sorted(
            key.removeprefix(DATABASE).removesuffix(MANIFEST)
            for key in keys
            if key.endswith(MANIFEST)
        )

    def manifest(self, name: str) -> Manifest:
        """Read the manifest of a backup.

        Raises:
            BackupError: No backup has this name, or its manifest is damaged.
        """
        info = self.store.stat(_key(name, MANIFEST))
        if info is None:
            message = _("There is no backup %(name)s: `manage.py restore --list` names all.")
            raise BackupError(message % {"name": name})
        data = RangeReader(self.store, info.key, info.size).read()
        return parse(name, data)

    def newest(self) -> str:
        """Return the name of the newest backup (BackupError: there is none)."""
        if names := self.names():
            return names[-1]
        raise BackupError(_("There is no backup yet: `manage.py backup` makes one."))

    def save_dump(self, name: str, source: BinaryIO) -> None:
        self.store.put_stream(_key(name, DUMP), source)

    def save_files(self, name: str, source: BinaryIO) -> None:
        self.store.put_stream(_key(name, FILES), source)

    def save_manifest(self, manifest: Manifest) -> None:
        """Save the manifest, which makes the backup complete."""
        self.store.put(_key(manifest.name, MANIFEST), io.BytesIO(manifest.to_json()))

    def verify(self, manifest: Manifest) -> None:
        """Verify the checksums of a dump and of its list of objects.

        Raises:
            BackupError: One of them is missing or damaged.
        """
        for ending, sha256 in ((DUMP, manifest.dump_sha256), (FILES, manifest.files_sha256)):
            key = _key(manifest.name, ending)
            info = self.store.stat(key)
            if info is None or sha256_of(self.store, key, info.size) != sha256:
                raise _damaged(key)

    def dump(self, manifest: Manifest) -> BinaryIO:
        """Open the dump (BackupError: it is missing or has another size)."""
        key = _key(manifest.name, DUMP)
        try:
            return open_checked(self.store, key, Content(manifest.dump_size, manifest.dump_sha256))
        except (FileNotFoundError, DamagedError) as error:
            raise _damaged(key) from error

    def files(self, manifest: Manifest) -> Iterator[StoredFile]:
        """Read the list of the objects that a dump names and that existed.

        Raises:
            BackupError: The list is missing or damaged.
        """
        key = _key(manifest.name, FILES)
        info = self.store.stat(key)
        if info is None:
            raise _damaged(key)
        reader = cast("BinaryIO", RangeReader(self.store, key, info.size))
        try:
            with gzip.open(io.BufferedReader(_Raw(reader)), "rt") as lines:
                yield from (StoredFile(*json.loads(line)) for line in lines)
        except (OSError, EOFError, ValueError, TypeError) as error:
            raise _damaged(key) from error

    def remove(self, name: str) -> None:
        """Remove a backup, its manifest first: without it a backup is not complete."""
        for ending in (MANIFEST, DUMP, FILES):
            self.store.delete([_key(name, ending)])

    def remove_stale(self) -> int:
        """Remove the leftovers of killed backups.

        Returns:
            Number of removed objects.
        """
        before = timezone.now() - STALE_AFTER
        names = set(self.names())
        stale = [
            info.key
            for info in self.store.list(DATABASE)
            if info.modified < before and _name(info.key) not in names
        ]
        self.store.delete(stale)
        return len(stale) + self.store.abort_uploads("", before)


class _Raw(io.RawIOBase):
    """Adapter from a reader to the raw stream that gzip reads from."""

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
    message = _("%(key)s is missing or damaged: nothing was changed. Use another backup.")
    return BackupError(message % {"key": key})
