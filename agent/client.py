"""HTTP client of the server, and of the storage by signed URLs."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import BinaryIO
from urllib.parse import urljoin

import msgspec
import urllib3

from agent.protocol import (
    Answer,
    Assignment,
    Message,
    MessageType,
    RecordingAccepted,
    RecordingClosed,
    RecordingUpload,
    Registration,
    SegmentComplete,
    SegmentOffer,
    Snapshot,
    decode,
    encode,
)

CALL_TIMEOUT = urllib3.Timeout(connect=5, read=10)
DATA_TIMEOUT = urllib3.Timeout(connect=5, read=60)
CHUNK = 256 * 1024
RETRYABLE = frozenset({408, 425, 429})


class ServerUnreachable(Exception):  # noqa: N818 - not an error of this program, and retried
    """No answer, or one that reports a temporary problem: try again later."""


class RequestRefused(Exception):  # noqa: N818 - an answer, not a fault
    """The request was refused; `code` is that of the problem document."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail or f"refused with HTTP status {status}")
        self.status = status
        self.code = code

    @property
    def superseded(self) -> bool:
        """True when a newer attempt has taken over."""
        return self.status == HTTPStatus.CONFLICT and self.code.lower() == "superseded"


class _Problem(msgspec.Struct):
    code: str = ""
    detail: str = ""


def read_range(file: BinaryIO, offset: int, size: int) -> Iterator[bytes]:
    """Yield `size` bytes of an open file from `offset` on, as a request body."""
    file.seek(offset)
    while size > 0 and (data := file.read(min(CHUNK, size))):
        size -= len(data)
        yield data


class Client:
    """Calls of one unit; thread-safe. Each raises ServerUnreachable or RequestRefused.

    Args:
        server: Base URL of the API with its prefix.
        token: The secret of the unit; not sent to signed URLs.
    """

    def __init__(self, server: str, token: str) -> None:
        self._server = server.rstrip("/") + "/"
        self._headers = {"Authorization": f"Unit {token}", "Content-Type": "application/json"}
        self._pool = urllib3.PoolManager(maxsize=4, retries=False)

    def register(self, registration: Registration) -> Assignment:
        return self._call("units/register", registration, Assignment)

    def report(self, snapshot: Snapshot) -> Answer:
        return self._call("units/report", snapshot, Answer)

    def offer(self, offer: SegmentOffer) -> RecordingUpload:
        return self._call("units/recording", offer, RecordingUpload)

    def complete(self, complete: SegmentComplete) -> RecordingAccepted:
        return self._call("units/recording/complete", complete, RecordingAccepted)

    def close_recording(self, closed: RecordingClosed) -> RecordingAccepted:
        return self._call("units/recording/close", closed, RecordingAccepted)

    def download(self, url: str) -> Iterator[bytes]:
        """Yield the content of a signed URL."""
        try:
            response = self._pool.request(
                "GET", self._absolute(url), preload_content=False, timeout=DATA_TIMEOUT
            )
            try:
                if response.status != HTTPStatus.OK:
                    raise _refusal(response.status, response.read(4096))
                yield from response.stream(CHUNK)
            finally:
                response.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ServerUnreachable(str(error)) from error

    def put_part(self, url: str, body: Iterator[bytes], size: int) -> str:
        """Upload one part to a signed URL.

        Returns:
            Its ETag as sent by the storage.
        """
        try:
            response = self._pool.request(
                "PUT",
                self._absolute(url),
                body=body,
                headers={"Content-Length": str(size)},
                timeout=DATA_TIMEOUT,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ServerUnreachable(str(error)) from error
        if response.status not in (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT):
            raise _refusal(response.status, response.data)
        return response.headers.get("ETag", "")

    def _absolute(self, url: str) -> str:
        return urljoin(self._server, url)

    def _call(self, path: str, message: Message, kind: type[MessageType]) -> MessageType:
        try:
            response = self._pool.request(
                "POST",
                self._server + path,
                body=encode(message),
                headers=self._headers,
                timeout=CALL_TIMEOUT,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ServerUnreachable(str(error)) from error
        if not HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
            raise _server_refusal(response.status, response.data)
        try:
            return decode(response.data, kind)
        except ValueError as error:
            raise ServerUnreachable(f"the answer to {path} cannot be read: {error}") from error


def _server_refusal(status: int, body: bytes) -> Exception:
    """Return the exception for an error status of a call: without a code the server has not answered it.

    A proxy has, or another program at its address.
    """
    refusal = _refusal(status, body)
    if isinstance(refusal, RequestRefused) and not refusal.code:
        return ServerUnreachable(f"HTTP status {status} without a problem document")
    return refusal


def _refusal(status: int, body: bytes) -> Exception:
    """Return the exception for an error status: only a definite refusal is final."""
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except msgspec.MsgspecError:
        problem = _Problem()
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and (
        status not in RETRYABLE
    ):
        return RequestRefused(status, problem.code, problem.detail)
    return ServerUnreachable(f"HTTP status {status} {problem.detail}".rstrip())
