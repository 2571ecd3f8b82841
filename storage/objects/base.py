"""The port to the object store: what robotsim asks of S3, and of the folder in its place."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from common.exceptions import DomainError

Audience = Literal["unit", "browser"]
"""Who will use a signed address: SigV4 signs the host, and browsers may reach S3 by another one."""


class StoreError(DomainError):
    """The object store is away, full or refused the call; worth another try later."""

    status = 503
    code = "STORAGE_UNAVAILABLE"
    retry_after = 5


class PartsDifferError(DomainError):
    """The parts named at the end of an upload are not those that the store holds."""

    status = 409
    code = "UPLOAD_INCOMPLETE"


@dataclass(frozen=True)
class StoredObject:
    """An object as the store lists it; size in bytes."""

    key: str
    size: int
    modified: datetime


@dataclass(frozen=True)
class UploadedPart:
    """A part of a multipart upload that the store took; `size` in bytes, where the store told it."""

    number: int
    etag: str
    size: int | None = None


class Readable(Protocol):
    """Bytes on their way; closing it early gives the connection or file back."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, empty at the end."""

    def close(self) -> None:
        """Stop reading."""


class ObjectStore(Protocol):
    """A place for objects by key (`rosbags/12/metadata.yaml`).

    Each method raises StoreError when the store is away; those that read raise FileNotFoundError
    for a key that is not there.
    """

    etag_algorithm: str
    """What the ETag of a part is, in hex: `md5` or `sha256`."""

    def put(self, key: str, source: BinaryIO) -> None:
        """Store all that `source` yields, whole or not at all."""

    def put_stream(self, key: str, source: BinaryIO, *, size: int | None = None) -> None:
        """The same for what may be huge, with little of it in memory; `size` where it is known."""

    def copy_from(self, source: "ObjectStore", key: str, target: str) -> bool:
        """Copy an object of another store without reading it here; False where that cannot be."""

    def is_same(self, other: "ObjectStore") -> bool:
        """Whether the other one is this very place."""

    def open(self, key: str) -> BinaryIO:
        """Read an object as a seekable stream."""

    def read(self, key: str, span: range) -> Readable:
        """Stream some bytes of an object, without keeping them anywhere; no empty span."""

    def fetch(self, key: str, target: Path) -> None:
        """Copy an object to a file."""

    def stat(self, key: str) -> StoredObject | None:
        """Describe an object, None when absent."""

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Walk over all objects under a prefix."""

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; absent ones are no error."""

    def sign_download(self, key: str, *, audience: Audience, filename: str = "") -> str:
        """Address from which the bearer may read the object for a while."""

    def start_upload(self, key: str) -> str:
        """Open a multipart upload; the answer is its id."""

    def sign_part(self, key: str, upload_id: str, number: int, *, audience: Audience) -> str:
        """Address to PUT part `number` (from 1) to; the answer carries an ETag."""

    def list_parts(self, key: str, upload_id: str) -> Sequence[UploadedPart]:
        """Parts that are stored already; FileNotFoundError for an upload that is not open."""

    def finish_upload(self, key: str, upload_id: str, parts: Sequence[UploadedPart]) -> None:
        """Join the parts into the object; finishing an upload twice is no error.

        Raises:
            PartsDifferError: a part is missing or has another ETag.
            FileNotFoundError: neither the upload nor the object is there.
        """

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Forget an upload and its parts; an unknown one is no error."""

    def abort_stale(self, prefix: str, before: datetime) -> int:
        """Forget uploads begun before an instant that killed writers left; how many."""

    def trouble(self) -> str:
        """What keeps the store from being used, and what to do; empty: nothing. Within two seconds or so."""

    def check(self) -> None:
        """Raise StoreError unless the store answers and has its bucket or folder."""
