"""Uploads to S3: those of several parts are multipart uploads, a single part is an object of its own.

A multipart upload costs a call to open it, one to list its parts and one to join them. Parts that are alone
in their file are PUT as objects below `uploads/` instead: nothing is opened, one listing shows a thousand of
them, and a copy on the server ends it. Their URLs stay valid after that, so they never lead to the object.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any
from uuid import uuid4

from storage.keys import STAGED
from storage.objects.base import Audience, StoredObject, UploadedPart

SINGLE = "single-"
"""Beginning of the ids of uploads of one part."""
CALLS_AT_ONCE = 8


class S3Uploads:
    """The part of the S3 store that takes uploads."""

    bucket: str

    @property
    def client(self) -> Any:
        """The client of the bucket."""
        raise NotImplementedError

    def errors(self) -> AbstractContextManager[None]:
        """Convert errors of the client to those of the interface."""
        raise NotImplementedError

    def sign(self, call: str, params: dict[str, Any], audience: Audience) -> str:
        """Sign a URL for a call."""
        raise NotImplementedError

    def stat(self, key: str) -> StoredObject | None:
        """Describe an object; None when it is missing."""
        raise NotImplementedError

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """List all objects below a prefix."""
        raise NotImplementedError

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; missing ones are no error."""
        raise NotImplementedError

    def name_upload(self) -> str:
        return SINGLE + uuid4().hex

    def start_upload(self, key: str) -> str:
        with self.errors():
            return str(self.client.create_multipart_upload(Bucket=self.bucket, Key=key)["UploadId"])

    def sign_part(self, key: str, upload_id: str, number: int, *, audience: Audience) -> str:
        if upload_id.startswith(SINGLE):
            return self.sign("put_object", {"Bucket": self.bucket, "Key": STAGED + key}, audience)
        params = {"Bucket": self.bucket, "Key": key, "UploadId": upload_id, "PartNumber": number}
        return self.sign("upload_part", params, audience)

    def list_parts(self, key: str, upload_id: str) -> Sequence[UploadedPart]:
        if upload_id.startswith(SINGLE):
            return self.list_uploads(key, {key: upload_id})[key]
        with self.errors():
            pages = self.client.get_paginator("list_parts")
            listed = [
                part
                for page in pages.paginate(Bucket=self.bucket, Key=key, UploadId=upload_id)
                for part in page.get("Parts", [])
            ]
        # Some servers list a repeated part twice: keep the newer one.
        listed.sort(key=lambda part: part["LastModified"])
        newest = {
            part["PartNumber"]: UploadedPart(part["PartNumber"], part["ETag"], part["Size"])
            for part in listed
        }
        return [newest[number] for number in sorted(newest)]

    def list_uploads(
        self, prefix: str, uploads: Mapping[str, str]
    ) -> dict[str, Sequence[UploadedPart]]:
        single = {key for key, upload_id in uploads.items() if upload_id.startswith(SINGLE)}
        listed: dict[str, Sequence[UploadedPart]] = dict.fromkeys(single, ())
        for staged in self.list(STAGED + prefix) if single else ():
            key = staged.key.removeprefix(STAGED)
            if key in single:
                listed[key] = [UploadedPart(1, staged.etag, staged.size)]
        others = [item for item in uploads.items() if item[0] not in single]
        with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
            parts = pool.map(lambda item: self._parts_if_open(*item), others)
            listed |= {
                key: found
                for (key, _), found in zip(others, parts, strict=True)
                if found is not None
            }
        return listed

    def _parts_if_open(self, key: str, upload_id: str) -> Sequence[UploadedPart] | None:
        try:
            return self.list_parts(key, upload_id)
        except FileNotFoundError:
            return None

    def finish_upload(self, key: str, upload_id: str, parts: Sequence[UploadedPart]) -> None:
        try:
            with self.errors():
                if upload_id.startswith(SINGLE):
                    self._copy_staged(key, parts)
                else:
                    self._join_parts(key, upload_id, parts)
        except FileNotFoundError:
            if self.stat(key) is None:
                raise

    def _copy_staged(self, key: str, parts: Sequence[UploadedPart]) -> None:
        self.client.copy_object(
            Bucket=self.bucket,
            Key=key,
            CopySource={"Bucket": self.bucket, "Key": STAGED + key},
            CopySourceIfMatch=parts[0].etag,
        )

    def _join_parts(self, key: str, upload_id: str, parts: Sequence[UploadedPart]) -> None:
        ordered: Any = [
            {"PartNumber": part.number, "ETag": part.etag}
            for part in sorted(parts, key=lambda part: part.number)
        ]
        self.client.complete_multipart_upload(
            Bucket=self.bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": ordered}
        )

    def abort_upload(self, key: str, upload_id: str) -> None:
        if upload_id.startswith(SINGLE):
            return  # `abort_uploads` removes its part
        try:
            with self.errors():
                self.client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload_id)
        except FileNotFoundError:
            return

    def abort_uploads(self, prefix: str, before: datetime | None = None) -> int:
        aborted = 0
        with self.errors():
            pages = self.client.get_paginator("list_multipart_uploads")
            for page in pages.paginate(Bucket=self.bucket, Prefix=prefix):
                for upload in page.get("Uploads", []):
                    if before is None or upload["Initiated"] < before:
                        self.abort_upload(upload["Key"], upload["UploadId"])
                        aborted += 1
        staged = [
            stored.key
            for stored in self.list(STAGED + prefix)
            if before is None or stored.modified < before
        ]
        self.delete(staged)
        return aborted + len(staged)
