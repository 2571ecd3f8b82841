"""An upload in parts to the folder store, while it is open.

`.uploads/<id>/` holds the file `key` and one file per part, named `<number>-<sha256>`: the name is the
ETag, so that a listing needs no reading, and a part sent again never destroys the one before it.
"""

import hashlib
import re
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from django.utils.translation import gettext as _

from storage.objects.base import PartsDifferError, UploadedPart
from storage.objects.files import append, new_file, settle, store_errors

UPLOADS = ".uploads"
UPLOAD_ID = re.compile(r"[0-9a-f]{32}")


class PartFolder:
    """The folder of one open upload."""

    def __init__(self, root: Path, upload_id: str) -> None:
        self.upload_id = upload_id
        self.folder = root / UPLOADS / upload_id
        self.scratch = self.folder / "scratch"

    @classmethod
    def create(cls, root: Path, key: str) -> "PartFolder":
        """Open an upload for a key."""
        upload = cls(root, uuid4().hex)
        with new_file(upload.scratch) as file:
            file.write(key.encode())
        settle(Path(file.name), upload.folder / "key")
        return upload

    @classmethod
    def of(cls, root: Path, key: str, upload_id: str) -> "PartFolder":
        """The open upload of that id.

        Raises:
            FileNotFoundError: it is not open, or it is one for another key.
        """
        if not UPLOAD_ID.fullmatch(upload_id):
            raise FileNotFoundError(upload_id)
        upload = cls(root, upload_id)
        if (upload.folder / "key").read_text() != key:
            raise FileNotFoundError(upload_id)
        return upload

    @classmethod
    def is_open(cls, root: Path, upload_id: str) -> bool:
        """Whether parts may still be sent."""
        return (cls(root, upload_id).folder / "key").is_file()

    def write(self, number: int, chunks: Iterable[bytes]) -> str:
        """Store a part; the answer is its ETag. What `chunks` raises passes through."""
        digest = hashlib.sha256()
        with store_errors(), new_file(self.scratch) as file:
            for chunk in chunks:
                digest.update(chunk)
                file.write(chunk)
        with store_errors():
            older = self._of_number(number)
            part = self.folder / f"{number:05d}-{digest.hexdigest()}"
            settle(Path(file.name), part)
            for path in older:
                if path != part:
                    path.unlink(missing_ok=True)
        return f'"{digest.hexdigest()}"'

    def parts(self) -> list[UploadedPart]:
        """Stored parts in order; of two with one number the newer counts."""
        newest = {}
        found = []
        for path in self._of_number(None):
            with suppress(FileNotFoundError):  # the same part was just sent again
                found.append((path, path.stat()))
        for path, facts in sorted(found, key=lambda each: each[1].st_mtime_ns):
            number, digest = path.name.split("-")
            newest[int(number)] = UploadedPart(int(number), f'"{digest}"', facts.st_size)
        return [newest[number] for number in sorted(newest)]

    def join(self, parts: Sequence[UploadedPart], target: Path) -> None:
        """Write the parts one after another into the object."""
        paths = [self._path(part) for part in sorted(parts, key=lambda part: part.number)]
        with new_file(self.scratch) as joined:
            for path in paths:
                with path.open("rb") as part:
                    append(part, joined)
        settle(Path(joined.name), target)

    def remove(self) -> None:
        """Forget the upload: the key goes first, so that nothing half removed looks open."""
        (self.folder / "key").unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _of_number(self, number: int | None) -> list[Path]:
        pattern = "[0-9]*-*" if number is None else f"{number:05d}-*"
        return list(self.folder.glob(pattern))

    def _path(self, part: UploadedPart) -> Path:
        digest = part.etag.strip('"')
        path = self.folder / f"{part.number:05d}-{digest}"
        if not re.fullmatch(r"[0-9a-f]{64}", digest) or not path.is_file():
            message = _("Part %(number)d is not stored as named: send it again.")
            raise PartsDifferError(message % {"number": part.number})
        return path
