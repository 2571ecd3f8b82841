"""The object store in S3 (MinIO and its kin); the only module that speaks S3."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO, cast

import structlog
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from storages.backends.s3 import S3Storage

from storage.client.base import (
    Audience,
    PartsDifferError,
    Readable,
    StoredObject,
    StoreError,
    UploadedPart,
)

log = structlog.get_logger(__name__)

CONFIG = Config(
    signature_version="s3v4",
    s3={"addressing_style": "path"},
    connect_timeout=5,
    read_timeout=60,
    retries={"mode": "standard", "total_max_attempts": 4},
    # Checksums beyond SigV4's own are not understood by every S3 server, nor in a signed address.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)
PROBE = CONFIG.merge(
    Config(connect_timeout=2, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 1})
)
ABSENT = {"404", "NoSuchKey", "NoSuchUpload", "NotFound"}
PARTS_WRONG = {"InvalidPart", "InvalidPartOrder", "EntityTooSmall"}
NO_CORS = {"NoSuchCORSConfiguration", "404"}
CORS_RULE = "robotsim"
"""Id of the rule that is ours."""
BATCH = 1000
"""Objects that S3 removes in one call."""


@contextmanager
def s3_errors() -> Iterator[None]:
    """Turn what S3 answers into the port's exceptions."""
    try:
        yield
    except ClientError as error:
        raise _translated(error) from error
    except (BotoCoreError, Boto3Error) as error:
        message = _("The object storage does not answer: check MINIO_ENDPOINT and that it runs.")
        raise StoreError(message) from error


def _translated(error: ClientError) -> Exception:
    code = error.response.get("Error", {}).get("Code", "")
    if code in ABSENT:
        return FileNotFoundError(str(error))
    if code in PARTS_WRONG:
        return PartsDifferError(_("The stored parts differ from those named: send the file again."))
    message = _("The object storage refused the call (%(code)s): check its keys, bucket and space.")
    return StoreError(message % {"code": code})


class S3Store:
    """Objects in one bucket, which is made when it is absent."""

    etag_algorithm = "md5"

    def __init__(
        self,
        endpoint: str,
        public_endpoint: str,
        bucket: str,
        credentials: tuple[str, str],
        *,
        use_ssl: bool,
    ) -> None:
        self.bucket = bucket
        self._client = _client(endpoint, bucket, credentials, use_ssl=use_ssl)
        self._public = _client(public_endpoint, bucket, credentials, use_ssl=use_ssl)
        self._probe = _client(endpoint, bucket, credentials, use_ssl=use_ssl, config=PROBE)
        self._has_bucket = False

    @property
    def client(self) -> Any:
        """The client, once the bucket is known to be there."""
        if not self._has_bucket:
            self.check()
        return self._client

    def put(self, key: str, source: BinaryIO) -> None:
        with s3_errors():
            self.client.upload_fileobj(source, self.bucket, key)

    def open(self, key: str) -> BinaryIO:
        file = cast("BinaryIO", TemporaryFile())  # noqa: SIM115  (the caller closes it)
        try:
            with s3_errors():
                self.client.download_fileobj(self.bucket, key, file)
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file

    def read(self, key: str, span: range) -> Readable:
        wanted = f"bytes={span.start}-{span.stop - 1}"
        with s3_errors():
            answer = self.client.get_object(Bucket=self.bucket, Key=key, Range=wanted)
        return cast("Readable", answer["Body"])

    def fetch(self, key: str, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with s3_errors():
            self.client.download_file(self.bucket, key, str(target))

    def stat(self, key: str) -> StoredObject | None:
        try:
            with s3_errors():
                head = self.client.head_object(Bucket=self.bucket, Key=key)
        except FileNotFoundError:
            return None
        return StoredObject(key, head["ContentLength"], head["LastModified"])

    def list(self, prefix: str) -> Iterator[StoredObject]:
        with s3_errors():
            pages = self.client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket, Prefix=prefix):
                for item in page.get("Contents", []):
                    yield StoredObject(item["Key"], item["Size"], item["LastModified"])

    def delete(self, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), BATCH):
            names: Any = [{"Key": key} for key in keys[start : start + BATCH]]
            with s3_errors():
                answer = self.client.delete_objects(
                    Bucket=self.bucket, Delete={"Objects": names, "Quiet": True}
                )
            if failed := answer.get("Errors"):
                message = _(
                    "The object storage did not remove %(key)s: check the rights of its key."
                )
                raise StoreError(message % {"key": failed[0].get("Key", "")})

    def sign_download(self, key: str, *, audience: Audience, filename: str = "") -> str:
        params = {"Bucket": self.bucket, "Key": key}
        if header := content_disposition_header(as_attachment=True, filename=filename):
            params["ResponseContentDisposition"] = header
        return self._sign("get_object", params, audience)

    def start_upload(self, key: str) -> str:
        with s3_errors():
            return str(self.client.create_multipart_upload(Bucket=self.bucket, Key=key)["UploadId"])

    def sign_part(self, key: str, upload_id: str, number: int, *, audience: Audience) -> str:
        params = {"Bucket": self.bucket, "Key": key, "UploadId": upload_id, "PartNumber": number}
        return self._sign("upload_part", params, audience)

    def list_parts(self, key: str, upload_id: str) -> Sequence[UploadedPart]:
        with s3_errors():
            pages = self.client.get_paginator("list_parts")
            found = [
                part
                for page in pages.paginate(Bucket=self.bucket, Key=key, UploadId=upload_id)
                for part in page.get("Parts", [])
            ]
        # Some servers list a part that was sent again twice: the newer one counts.
        found.sort(key=lambda part: part["LastModified"])
        newest = {
            part["PartNumber"]: UploadedPart(part["PartNumber"], part["ETag"], part["Size"])
            for part in found
        }
        return [newest[number] for number in sorted(newest)]

    def finish_upload(self, key: str, upload_id: str, parts: Sequence[UploadedPart]) -> None:
        ordered: Any = [
            {"PartNumber": part.number, "ETag": part.etag}
            for part in sorted(parts, key=lambda part: part.number)
        ]
        try:
            with s3_errors():
                self.client.complete_multipart_upload(
                    Bucket=self.bucket,
                    Key=key,
                    UploadId=upload_id,
                    MultipartUpload={"Parts": ordered},
                )
        except FileNotFoundError:
            if self.stat(key) is None:
                raise

    def abort_upload(self, key: str, upload_id: str) -> None:
        try:
            with s3_errors():
                self.client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload_id)
        except FileNotFoundError:
            return

    def answers(self) -> bool:
        try:
            self._probe.head_bucket(Bucket=self.bucket)
        except ClientError as error:
            return (
                error.response["ResponseMetadata"]["HTTPStatusCode"]
                < HTTPStatus.INTERNAL_SERVER_ERROR
            )
        except BotoCoreError:
            return False
        return True

    def check(self) -> None:
        with s3_errors():
            try:
                self._client.head_bucket(Bucket=self.bucket)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") not in {"404", "NoSuchBucket"}:
                    raise
                self._create_bucket()
        self._share_bucket()
        self._has_bucket = True

    def _create_bucket(self) -> None:
        try:
            self._client.create_bucket(Bucket=self.bucket)
        except (
            self._client.exceptions.BucketAlreadyOwnedByYou,
            self._client.exceptions.BucketAlreadyExists,
        ):
            return  # another process was first

    def _share_bucket(self) -> None:
        """Let pages of the allowed origins read signed addresses; rules that others have made stay.

        MinIO has no rules for a bucket (its server answers any origin, MINIO_API_CORS_ALLOW_ORIGIN), and a
        key may lack the right: reading goes on without.
        """
        if not settings.CORS_ALLOWED_ORIGINS:
            return
        rule = {
            "ID": CORS_RULE,
            "AllowedOrigins": list(settings.CORS_ALLOWED_ORIGINS),
            "AllowedMethods": ["GET", "HEAD"],
            "AllowedHeaders": ["*"],
            "ExposeHeaders": ["Content-Range", "Content-Length", "ETag", "Accept-Ranges"],
            "MaxAgeSeconds": 600,
        }
        try:
            known = self._cors_rules()
            others = [each for each in known if each.get("ID") != CORS_RULE]
            if (*others, rule) != known:
                self._client.put_bucket_cors(
                    Bucket=self.bucket, CORSConfiguration={"CORSRules": [*others, rule]}
                )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            log.warning("bucket_not_shared", bucket=self.bucket, code=code)

    def _cors_rules(self) -> Sequence[Any]:
        try:
            answer: Any = self._client.get_bucket_cors(Bucket=self.bucket)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in NO_CORS:
                return []
            raise
        return tuple(answer.get("CORSRules", ()))

    def _sign(self, call: str, params: dict[str, Any], audience: Audience) -> str:
        client = self._public if audience == "browser" else self._client
        with s3_errors():
            address = client.generate_presigned_url(
                call, Params=params, ExpiresIn=settings.SIGNED_URL_SECONDS
            )
        return str(address)


def _client(
    endpoint: str,
    bucket: str,
    credentials: tuple[str, str],
    *,
    use_ssl: bool,
    config: Config = CONFIG,
) -> Any:
    """A client of one endpoint, made by django-storages; botocore's clients are safe to share."""
    if "://" not in endpoint:
        endpoint = f"{'https' if use_ssl else 'http'}://{endpoint}"
    access_key, secret_key = credentials
    storage = S3Storage(
        endpoint_url=endpoint,
        bucket_name=bucket,
        access_key=access_key,
        secret_key=secret_key,
        security_token=None,
        session_profile=None,
        region_name="us-east-1",
        use_ssl=use_ssl,
        client_config=config,
    )
    return storage.connection.meta.client
