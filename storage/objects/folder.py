"""The object store in a folder of this machine, for installations without S3."""

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from django.utils.translation import gettext as _

from common import disks
from storage import keys
from storage.objects import grants
from storage.objects.base import (
    Audience,
    ObjectStore,
    PartsDifferError,
    StoredObject,
    StoreError,
    StoreFullError,
    UploadedPart,
)
from storage.objects.files import (
    CHUNK,
    SCRATCH,
    FileSlice,
    full_message,
    move_into_place,
    new_file,
    prune_empty,
    remove_stale,
    store_errors,
)
from storage.objects.parts import PartFolder


class KeyImpossibleError(FileNotFoundError, ValueError):
    """No object can have this key: nothing is found under it, and nothing stored."""


class FolderStore:
    """Objects as files below `root`; uploads in parts wait in `.uploads`, writes in `.scratch`."""

    etag_algorithm = "sha256"

    def __init__(self, root: Path) -> None:
        self.root = root
        self.scratch = root / SCRATCH

    def put_stream(self, key: str, source: BinaryIO, *, size: int | None = None) -> None:
        del size
        self.put(key, source)

    def put(self, key: str, source: BinaryIO) -> None:
        target = self._path(key)
        with store_errors():
            with new_file(self.scratch) as file:
                shutil.copyfileobj(source, file, CHUNK)
            move_into_place(Path(file.name), target)

    def copy_from(self, source: ObjectStore, key: str, target: str) -> bool:
        del source, key, target
        return False  # a hard link would share the data of a backup with its original

    def is_same(self, other: ObjectStore) -> bool:
        return isinstance(other, FolderStore) and self.root.resolve() == other.root.resolve()

    def open(self, key: str) -> BinaryIO:
        with store_errors():
            return self._path(key).open("rb")

    def read(self, key: str, span: range) -> FileSlice:
        file = self.open(key)
        file.seek(span.start)
        return FileSlice(file, len(span))

    def fetch(self, key: str, target: Path) -> None:
        source = self._path(key)
        with store_errors():
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(source, target)
            except FileNotFoundError:
                raise
            except OSError:  # another file system, or one without links
                shutil.copyfile(source, target)

    def stat(self, key: str) -> StoredObject | None:
        try:
            path = self._path(key)
            with store_errors():
                return self._describe(path) if path.is_file() else None
        except FileNotFoundError:
            return None

    def list(self, prefix: str) -> Iterator[StoredObject]:
        with store_errors():
            names = sorted(self._keys(self.root / prefix.rpartition("/")[0]))
        for key in names:
            if key.startswith(prefix) and (stored := self.stat(key)):
                yield stored

    def delete(self, keys: Sequence[str]) -> None:
        with store_errors():
            for path in [self._path(key) for key in keys]:
                path.unlink(missing_ok=True)
                prune_empty(path.parent, self.root)

    def sign_download(self, key: str, *, audience: Audience, filename: str = "") -> str:
        del audience  # everyone reaches the folder through this server
        self._path(key)
        return grants.signed_path(grants.ReadGrant(key, filename))

    def name_upload(self) -> str:
        return PartFolder.new_id()

    def start_upload(self, key: str) -> str:
        self._path(key)
        with store_errors():
            return PartFolder.opened(self.root, key, PartFolder.new_id()).upload_id

    def sign_part(self, key: str, upload_id: str, number: int, *, audience: Audience) -> str:
        del audience
        return grants.signed_path(grants.PartGrant(key, upload_id, number))

    def write_part(self, grant: grants.PartGrant, chunks: Iterable[bytes]) -> str:
        """Store one part.

        Returns:
            Its ETag.

        Raises:
            FileNotFoundError: No upload can have this key or id.
        """
        self._path(grant.key)
        with store_errors():
            upload = PartFolder.opened(self.root, grant.key, grant.upload_id)
        return upload.write(grant.number, chunks)

    def list_parts(self, key: str, upload_id: str) -> Sequence[UploadedPart]:
        with store_errors():
            return PartFolder.of(self.root, key, upload_id).parts()

    def list_uploads(
        self, prefix: str, uploads: Mapping[str, str]
    ) -> dict[str, Sequence[UploadedPart]]:
        del prefix
        listed: dict[str, Sequence[UploadedPart]] = {}
        for key, upload_id in uploads.items():
            with suppress(FileNotFoundError):
                listed[key] = self.list_parts(key, upload_id)
        return listed

    def finish_upload(self, key: str, upload_id: str, parts: Sequence[UploadedPart]) -> None:
        target = self._path(key)
        try:
            with store_errors():
                upload = PartFolder.of(self.root, key, upload_id)
                upload.join(parts, target)
                upload.remove()
        except (FileNotFoundError, PartsDifferError):
            # Finished before, or by another process in the meantime.
            if PartFolder.is_open(self.root, upload_id) or not target.is_file():
                raise

    def abort_upload(self, key: str, upload_id: str) -> None:
        with store_errors(), suppress(FileNotFoundError):
            PartFolder.of(self.root, key, upload_id).remove()

    def abort_uploads(self, prefix: str, before: datetime | None = None) -> int:
        with store_errors():
            left = [
                upload
                for upload in PartFolder.all(self.root)
                if upload.is_left_behind(prefix, before)
            ]
            for upload in left:
                upload.remove()
        return len(left)

    def find_problem(self) -> StoreError | None:
        with suppress(OSError):
            self.root.mkdir(parents=True, exist_ok=True)
        if not os.access(self.root, os.R_OK | os.W_OK | os.X_OK):
            return StoreError(
                _("The storage folder is not writable: check its owner and permissions.")
            )
        return None if disks.has_room(self.root) else StoreFullError(full_message())

    def check(self) -> None:
        with store_errors():
            self.root.mkdir(parents=True, exist_ok=True)
            remove_stale(self.scratch)
        problem = self.find_problem()
        if problem is not None:
            raise problem

    def _path(self, key: str) -> Path:
        """Path of an object.

        Raises:
            KeyImpossibleError: The key is none, or leads out of the folder.
        """
        path = self.root / key
        if not keys.is_key(key) or not path.resolve().is_relative_to(self.root.resolve()):
            message = f"not the key of an object: {key!r}"
            raise KeyImpossibleError(message)
        return path

    def _keys(self, start: Path) -> Iterator[str]:
        for folder, folders, files in os.walk(start):
            if Path(folder) == self.root:
                folders[:] = [name for name in folders if not name.startswith(".")]
            for name in files:
                yield (Path(folder) / name).relative_to(self.root).as_posix()

    def _describe(self, path: Path) -> StoredObject:
        stat = path.stat()
        key = path.relative_to(self.root).as_posix()
        return StoredObject(key, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))
