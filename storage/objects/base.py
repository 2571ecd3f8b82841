"""The object store interface, implemented by S3 and by a folder."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from common.exceptions import DomainError

Audience = Literal["unit", "browser"]
"""The user of a signed URL: SigV4 signs the host, and browsers may reach S3 by another host."""


class StoreError(DomainError):
    """The object store is unavailable, full, or refused the call; retry later."""

    status = 503
    code = "STORAGE_UNAVAILABLE"
    retry_after = 5


class StoreFullError(StoreError):
    """The disk, quota or bucket of the object store is full."""

    code = "STORAGE_FULL"
    retry_after = 60


class PartsDifferError(DomainError):
    """The parts named at the end of an upload differ from the stored ones."""

    status = 409
    code = "UPLOAD_INCOMPLETE"


@dataclass(frozen=True)
class StoredObject:
    """An object in a listing of the store; size in bytes."""

    key: str
    size: int
    modified: datetime
    etag: str = ""


@dataclass(frozen=True)
class UploadedPart:
    """An uploaded part of a multipart upload; `size` in bytes, if known."""

    number: int
    etag: str
    size: int | None = None


class Readable(Protocol):
    """A readable stream; closing it early releases the connection or file."""

    def read(self, size: int, /) -> bytes:
        """Read at most `size` bytes; empty at the end."""

    def close(self) -> None:
        """Stop reading."""


class ObjectStore(Protocol):
    """A store of objects by key (`rosbags/12/metadata.yaml`).

    Every method raises StoreError when the store is unavailable; reading methods raise FileNotFoundError
    for a missing key.
    """

    etag_algorithm: str
    """Hash of a part that its ETag holds in hex: `md5` or `sha256`."""

    def put(self, key: str, source: BinaryIO) -> None:
        """Store the content of a stream, atomically."""

    def put_stream(self, key: str, source: BinaryIO, *, size: int | None = None) -> None:
        """Store a stream of any length with little memory; `size` in bytes, if known."""

    def copy_from(self, source: "ObjectStore", key: str, target: str) -> bool:
        """Copy an object of another store on the server side; False if that is not possible."""

    def is_same(self, other: "ObjectStore") -> bool:
        """Check whether the other store is the same bucket or folder."""

    def open(self, key: str) -> BinaryIO:
        """Read an object as a seekable stream."""

    def read(self, key: str, span: range) -> Readable:
        """Stream a byte range of an object without a temporary file; the range must not be empty."""

    def fetch(self, key: str, target: Path) -> None:
        """Copy an object to a file."""

    def stat(self, key: str) -> StoredObject | None:
        """Describe an object; None when it is missing."""

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """List all objects below a prefix."""

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; missing ones are no error."""

    def sign_download(self, key: str, *, audience: Audience, filename: str = "") -> str:
        """Sign a URL for reading an object; it expires."""

    def name_upload(self) -> str:
        """Make the id of an upload of a single part; nothing has to be opened for it."""

    def start_upload(self, key: str) -> str:
        """Open a multipart upload.

        Returns:
            Its upload id.
        """

    def sign_part(self, key: str, upload_id: str, number: int, *, audience: Audience) -> str:
        """Sign a URL to PUT part `number` (from 1) to; the response has an ETag."""

    def list_parts(self, key: str, upload_id: str) -> Sequence[UploadedPart]:
        """List the stored parts; FileNotFoundError for an upload that is not open."""

    def list_uploads(
        self, prefix: str, uploads: Mapping[str, str]
    ) -> dict[str, Sequence[UploadedPart]]:
        """List the stored parts of uploads (id by key) below a prefix; those that are not open are left out.

        All those of a single part cost one listing.
        """

    def finish_upload(self, key: str, upload_id: str, parts: Sequence[UploadedPart]) -> None:
        """Join the parts into the object; finishing an upload twice is no error.

        Raises:
            PartsDifferError: A part is missing or has another ETag.
            FileNotFoundError: Neither the upload nor the object exists.
        """

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Remove an upload and its parts; an unknown one is no error."""

    def abort_uploads(self, prefix: str, before: datetime | None = None) -> int:
        """Remove open uploads below a prefix: all, or those that were started before an instant.

        So those of killed writers go, of which nobody knows. A server that lists uploads by whole keys only
        (MinIO) removes them itself after a day.

        Returns:
            The number of removed uploads.
        """

    def find_problem(self) -> StoreError | None:
        """Describe why the store cannot be read or written, within about two seconds; None: it can."""

    def check(self) -> None:
        """Raise StoreError unless the store responds and its bucket or folder exists."""
