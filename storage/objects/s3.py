"""The object store in S3 or a compatible server such as MinIO; the only module that uses boto3."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO, cast

import structlog
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from storages.backends.s3 import S3Storage

from storage.objects.base import (
    Audience,
    ObjectStore,
    PartsDifferError,
    Readable,
    StoredObject,
    StoreError,
    StoreFullError,
)
from storage.objects.s3_uploads import S3Uploads

log = structlog.get_logger(__name__)

CONFIG = Config(
    signature_version="s3v4",
    s3={"addressing_style": "path"},
    connect_timeout=5,
    read_timeout=60,
    retries={"mode": "standard", "total_max_attempts": 4},
    # Not every S3 server supports further checksums, and signed URLs cannot carry them.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)
PROBE = CONFIG.merge(
    Config(connect_timeout=2, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 1})
)
PROBE_KEY = ".probe"
ABSENT = {"404", "NoSuchKey", "NoSuchUpload", "NotFound"}
FULL = {
    "XMinioStorageFull",
    "XMinioAdminBucketQuotaExceeded",
    "InsufficientStorage",
    "QuotaExceeded",
}
PARTS_WRONG = {"InvalidPart", "InvalidPartOrder", "EntityTooSmall", "PreconditionFailed"}
NO_CORS = {"NoSuchCORSConfiguration", "404"}
CORS_RULE = "robotsim"
"""Id of our CORS rule of the bucket."""
BATCH = 1000
"""Maximum number of objects that S3 removes in one call."""
MAX_PARTS = 9000
MIN_PART_BYTES = 8 << 20
PART_BYTES_OF_UNKNOWN_SIZE = 32 << 20
"""Part size of streams of unknown length: at most 320 GB in 10,000 parts."""


@contextmanager
def s3_errors(setting: str = "MINIO_ENDPOINT") -> Iterator[None]:
    """Convert errors of boto3 to those of the interface; `setting` is named in messages."""
    try:
        yield
    except ClientError as error:
        raise _to_store_error(error, setting) from error
    except (BotoCoreError, Boto3Error) as error:
        message = _(
            "The object storage does not respond: check %(setting)s and that it is running."
        )
        raise StoreError(message % {"setting": setting}) from error


def _to_store_error(error: ClientError, setting: str) -> Exception:
    code = error.response.get("Error", {}).get("Code", "")
    if code in ABSENT:
        return FileNotFoundError(str(error))
    if code in PARTS_WRONG:
        return PartsDifferError(_("The stored parts differ from those named: send the file again."))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if code in FULL or status == HTTPStatus.INSUFFICIENT_STORAGE:
        message = _("The object storage of %(setting)s is full: free some space or extend it.")
        return StoreFullError(message % {"setting": setting})
    message = _(
        "The object storage of %(setting)s refused the call (%(code)s): check its keys, bucket and free "
        "space."
    )
    return StoreError(message % {"code": code, "setting": setting})


class S3Store(S3Uploads):
    """Objects in one bucket, which is created when it is missing."""

    etag_algorithm = "md5"

    def __init__(
        self,
        endpoint: str,
        public_endpoint: str,
        bucket: str,
        credentials: tuple[str, str],
        *,
        use_ssl: bool,
        setting: str = "MINIO_ENDPOINT",
    ) -> None:
        self.bucket = bucket
        self.account = (_endpoint_url(endpoint, use_ssl=use_ssl), credentials)
        self._setting = setting
        self._client = _client(endpoint, bucket, credentials, use_ssl=use_ssl)
        self._public = _client(public_endpoint, bucket, credentials, use_ssl=use_ssl)
        self._probe = _client(endpoint, bucket, credentials, use_ssl=use_ssl, config=PROBE)
        self._has_bucket = False

    @property
    def client(self) -> Any:
        """The client, after checking that the bucket exists."""
        if not self._has_bucket:
            self.check()
        return self._client

    def put(self, key: str, source: BinaryIO) -> None:
        with self.errors():
            self.client.upload_fileobj(source, self.bucket, key)

    def put_stream(self, key: str, source: BinaryIO, *, size: int | None = None) -> None:
        with self.errors():
            self.client.upload_fileobj(source, self.bucket, key, Config=_frugal(size))

    def copy_from(self, source: ObjectStore, key: str, target: str) -> bool:
        if not isinstance(source, S3Store) or source.account != self.account:
            return False
        with self.errors():
            self.client.copy({"Bucket": source.bucket, "Key": key}, self.bucket, target)
        return True

    def is_same(self, other: ObjectStore) -> bool:
        if not isinstance(other, S3Store):
            return False
        return (self.account[0], self.bucket) == (other.account[0], other.bucket)

    def open(self, key: str) -> BinaryIO:
        file = cast("BinaryIO", TemporaryFile())  # noqa: SIM115  (the caller closes it)
        try:
            with self.errors():
                self.client.download_fileobj(self.bucket, key, file)
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file

    def read(self, key: str, span: range) -> Readable:
        byte_range = f"bytes={span.start}-{span.stop - 1}"
        with self.errors():
            answer = self.client.get_object(Bucket=self.bucket, Key=key, Range=byte_range)
        return cast("Readable", answer["Body"])

    def fetch(self, key: str, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with self.errors():
            answer = self.client.get_object(Bucket=self.bucket, Key=key)
            with closing(answer["Body"]) as body, target.open("wb") as file:
                if answer["ContentLength"] <= MIN_PART_BYTES:  # one call instead of two
                    shutil.copyfileobj(body, file)
                    return
            self.client.download_file(self.bucket, key, str(target))

    def stat(self, key: str) -> StoredObject | None:
        try:
            with self.errors():
                head = self.client.head_object(Bucket=self.bucket, Key=key)
        except FileNotFoundError:
            return None
        return StoredObject(key, head["ContentLength"], head["LastModified"])

    def list(self, prefix: str) -> Iterator[StoredObject]:
        with self.errors():
            pages = self.client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket, Prefix=prefix):
                for item in page.get("Contents", []):
                    yield StoredObject(
                        item["Key"], item["Size"], item["LastModified"], item["ETag"]
                    )

    def delete(self, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), BATCH):
            names: Any = [{"Key": key} for key in keys[start : start + BATCH]]
            with self.errors():
                answer = self.client.delete_objects(
                    Bucket=self.bucket, Delete={"Objects": names, "Quiet": True}
                )
            if failed := answer.get("Errors"):
                message = _(
                    "The object storage did not remove %(key)s: check the permissions of its key."
                )
                raise StoreError(message % {"key": failed[0].get("Key", "")})

    def sign_download(self, key: str, *, audience: Audience, filename: str = "") -> str:
        params = {"Bucket": self.bucket, "Key": key}
        if header := content_disposition_header(as_attachment=True, filename=filename):
            params["ResponseContentDisposition"] = header
        return self.sign("get_object", params, audience)

    def find_problem(self) -> StoreError | None:
        try:
            with self.errors():
                self._probe.head_bucket(Bucket=self.bucket)
                # Only writing tells that there is room; an aborted upload leaves no object and no version.
                upload = self._probe.create_multipart_upload(Bucket=self.bucket, Key=PROBE_KEY)
                self._probe.abort_multipart_upload(
                    Bucket=self.bucket, Key=PROBE_KEY, UploadId=upload["UploadId"]
                )
        except FileNotFoundError:
            return None  # a missing bucket is created when it is needed
        except StoreError as error:
            return error
        return None

    def check(self) -> None:
        with self.errors():
            try:
                self._client.head_bucket(Bucket=self.bucket)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") not in {"404", "NoSuchBucket"}:
                    raise
                self._create_bucket()
        self._share_bucket()
        self._has_bucket = True
        self.abort_uploads(PROBE_KEY, timezone.now() - timedelta(hours=1))  # of killed processes

    def _create_bucket(self) -> None:
        try:
            self._client.create_bucket(Bucket=self.bucket)
        except (
            self._client.exceptions.BucketAlreadyOwnedByYou,
            self._client.exceptions.BucketAlreadyExists,
        ):
            return  # created by another process in the meantime

    def _share_bucket(self) -> None:
        """Allow pages of the configured origins to use signed URLs; other CORS rules are kept.

        Failures are only logged: MinIO has no rules per bucket (it allows any origin by
        MINIO_API_CORS_ALLOW_ORIGIN), and the key may lack the permission.
        """
        if not settings.CORS_ALLOWED_ORIGINS:
            return
        our_rule = {
            "ID": CORS_RULE,
            "AllowedOrigins": list(settings.CORS_ALLOWED_ORIGINS),
            "AllowedMethods": ["GET", "HEAD", "PUT"],
            "AllowedHeaders": ["*"],
            "ExposeHeaders": ["Content-Range", "Content-Length", "ETag", "Accept-Ranges"],
            "MaxAgeSeconds": 600,
        }
        try:
            rules = self._cors_rules()
            others = [rule for rule in rules if rule.get("ID") != CORS_RULE]
            if (*others, our_rule) != rules:
                self._client.put_bucket_cors(
                    Bucket=self.bucket, CORSConfiguration={"CORSRules": [*others, our_rule]}
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

    def sign(self, call: str, params: dict[str, Any], audience: Audience) -> str:
        client = self._public if audience == "browser" else self._client
        with self.errors():
            url = client.generate_presigned_url(
                call, Params=params, ExpiresIn=settings.SIGNED_URL_SECONDS
            )
        return str(url)

    def errors(self) -> AbstractContextManager[None]:
        return s3_errors(self._setting)


def _frugal(size: int | None) -> TransferConfig:
    """Choose parts large enough for S3's limit of 10,000 parts, with few of them in memory."""
    part = (
        PART_BYTES_OF_UNKNOWN_SIZE if size is None else max(MIN_PART_BYTES, -(-size // MAX_PARTS))
    )
    config = TransferConfig(multipart_threshold=part, multipart_chunksize=part, max_concurrency=2)
    # Chunks that s3transfer reads ahead from a stream.
    config.max_in_memory_upload_chunks = 2
    return config


def _endpoint_url(endpoint: str, *, use_ssl: bool) -> str:
    """The endpoint as a URL."""
    return endpoint if "://" in endpoint else f"{'https' if use_ssl else 'http'}://{endpoint}"


def _client(
    endpoint: str,
    bucket: str,
    credentials: tuple[str, str],
    *,
    use_ssl: bool,
    config: Config = CONFIG,
) -> Any:
    """A client of one endpoint, created by django-storages; botocore clients are thread-safe."""
    access_key, secret_key = credentials
    storage = S3Storage(
        endpoint_url=_endpoint_url(endpoint, use_ssl=use_ssl),
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
