"""Open multipart uploads of the folder store.

`.uploads/<id>/` has a file `key` and one file per part, named `<number>-<sha256>`. The name contains the
ETag, so that a listing reads no data, and a repeated part never destroys the one before it.
"""

import hashlib
import re
import shutil
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from django.utils.translation import gettext as _

from storage.objects.base import PartsDifferError, UploadedPart
from storage.objects.files import (
    SCRATCH,
    STALE_SECONDS,
    append,
    move_into_place,
    new_file,
    store_errors,
)

UPLOADS = ".uploads"
UPLOAD_ID = re.compile(r"[0-9a-f]{32}")


class PartFolder:
    """The folder of one open upload."""

    def __init__(self, root: Path, upload_id: str) -> None:
        self.upload_id = upload_id
        self.folder = root / UPLOADS / upload_id
        self.scratch = self.folder / "scratch"

    @staticmethod
    def new_id() -> str:
        """Make the id of an upload."""
        return uuid4().hex

    @classmethod
    def opened(cls, root: Path, key: str, upload_id: str) -> "PartFolder":
        """Open an upload for a key, unless it is open.

        Raises:
            FileNotFoundError: It belongs to another key.
        """
        if UPLOAD_ID.fullmatch(upload_id) and not cls.is_open(root, upload_id):
            with new_file(root / SCRATCH) as file:
                file.write(key.encode())
            move_into_place(Path(file.name), cls(root, upload_id).folder / "key")
        return cls.of(root, key, upload_id)

    @classmethod
    def of(cls, root: Path, key: str, upload_id: str) -> "PartFolder":
        """Find an open upload by its id.

        Raises:
            FileNotFoundError: It is not open, or belongs to another key.
        """
        if not UPLOAD_ID.fullmatch(upload_id):
            raise FileNotFoundError(upload_id)
        upload = cls(root, upload_id)
        if (upload.folder / "key").read_text() != key:
            raise FileNotFoundError(upload_id)
        return upload

    @classmethod
    def all(cls, root: Path) -> list["PartFolder"]:
        """Find all uploads, also what is left of half opened and half removed ones."""
        folders = (root / UPLOADS).glob("*") if (root / UPLOADS).is_dir() else ()
        return [cls(root, folder.name) for folder in folders if UPLOAD_ID.fullmatch(folder.name)]

    @classmethod
    def is_open(cls, root: Path, upload_id: str) -> bool:
        """Check that parts may still be sent."""
        return (cls(root, upload_id).folder / "key").is_file()

    def write(self, number: int, chunks: Iterable[bytes]) -> str:
        """Store a part; exceptions of `chunks` pass through.

        Returns:
            Its ETag.
        """
        digest = hashlib.sha256()
        with store_errors(), new_file(self.scratch) as file:
            for chunk in chunks:
                digest.update(chunk)
                file.write(chunk)
        with store_errors():
            older = self._part_files(number)
            part = self.folder / f"{number:05d}-{digest.hexdigest()}"
            move_into_place(Path(file.name), part)
            for path in older:
                if path != part:
                    path.unlink(missing_ok=True)
        return f'"{digest.hexdigest()}"'

    def parts(self) -> list[UploadedPart]:
        """List the stored parts in order; of two with the same number the newer one."""
        newest = {}
        stored = []
        for path in self._part_files(None):
            with suppress(FileNotFoundError):  # replaced by a repeated part in the meantime
                stored.append((path, path.stat()))
        for path, stat in sorted(stored, key=lambda entry: entry[1].st_mtime_ns):
            number, digest = path.name.split("-")
            newest[int(number)] = UploadedPart(int(number), f'"{digest}"', stat.st_size)
        return [newest[number] for number in sorted(newest)]

    def join(self, parts: Sequence[UploadedPart], target: Path) -> None:
        """Concatenate the parts into the object."""
        paths = [self._path(part) for part in sorted(parts, key=lambda part: part.number)]
        with new_file(self.scratch) as joined:
            for path in paths:
                with path.open("rb") as part:
                    append(part, joined)
        move_into_place(Path(joined.name), target)

    def remove(self) -> None:
        """Remove the upload; its key first, so that a half-removed upload never looks open."""
        (self.folder / "key").unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def is_left_behind(self, prefix: str, before: datetime | None) -> bool:
        """Check that it is of a key below `prefix` and older than `before`, or has no key for a day."""
        try:
            opened = (self.folder / "key").stat().st_mtime
            is_below = (self.folder / "key").read_text().startswith(prefix)
            return is_below and (before is None or opened < before.timestamp())
        except FileNotFoundError:
            with suppress(FileNotFoundError):  # removed in the meantime
                return self.folder.stat().st_mtime < time.time() - STALE_SECONDS
            return False

    def _part_files(self, number: int | None) -> list[Path]:
        pattern = "[0-9]*-*" if number is None else f"{number:05d}-*"
        return list(self.folder.glob(pattern))

    def _path(self, part: UploadedPart) -> Path:
        digest = part.etag.strip('"')
        path = self.folder / f"{part.number:05d}-{digest}"
        if not re.fullmatch(r"[0-9a-f]{64}", digest) or not path.is_file():
            message = _("Part %(number)d is not stored as named: send it again.")
            raise PartsDifferError(message % {"number": part.number})
        return path
