"""HTTP to the server, and to the store at signed addresses."""

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
    RecordingComplete,
    RecordingOffer,
    RecordingUpload,
    Registration,
    Snapshot,
    decode,
    encode,
)

CALL_TIMEOUT = urllib3.Timeout(connect=5, read=10)
DATA_TIMEOUT = urllib3.Timeout(connect=5, read=60)
CHUNK = 256 * 1024
PASSING = frozenset({408, 425, 429})


class ServerAway(Exception):  # noqa: N818 - a state of the world, worth another try
    """No answer, or one that says that the other side is not well: try again later."""


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """The other side understood and said no; `code` is that of its problem document."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail or f"refused with HTTP status {status}")
        self.status = status
        self.code = code

    @property
    def superseded(self) -> bool:
        """Whether a newer attempt has taken over."""
        return self.status == HTTPStatus.CONFLICT and self.code.lower() == "superseded"


class _Problem(msgspec.Struct):
    code: str = ""
    detail: str = ""


def stretch(file: BinaryIO, offset: int, size: int) -> Iterator[bytes]:
    """Yield `size` bytes of an open file from `offset` on, as a request body."""
    file.seek(offset)
    while size > 0 and (data := file.read(min(CHUNK, size))):
        size -= len(data)
        yield data


class Client:
    """Calls of one unit. Each raises ServerAway or Refused; safe to use from several threads.

    `server` is the base of the API with its prefix, `token` the unit's secret; signed addresses get none.
    """

    def __init__(self, server: str, token: str) -> None:
        self._server = server.rstrip("/") + "/"
        self._headers = {"Authorization": f"Unit {token}", "Content-Type": "application/json"}
        self._pool = urllib3.PoolManager(maxsize=4, retries=False)

    def register(self, registration: Registration) -> Assignment:
        return self._call("units/register", registration, Assignment)

    def report(self, snapshot: Snapshot) -> Answer:
        return self._call("units/report", snapshot, Answer)

    def offer(self, offer: RecordingOffer) -> RecordingUpload:
        return self._call("units/recording", offer, RecordingUpload)

    def complete(self, complete: RecordingComplete) -> RecordingAccepted:
        return self._call("units/recording/complete", complete, RecordingAccepted)

    def download(self, url: str) -> Iterator[bytes]:
        """Yield the bytes behind a signed address."""
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
            raise ServerAway(str(error)) from error

    def put_part(self, url: str, body: Iterator[bytes], size: int) -> str:
        """Send one part to a signed address; the answer is its ETag as the store wrote it."""
        try:
            response = self._pool.request(
                "PUT",
                self._absolute(url),
                body=body,
                headers={"Content-Length": str(size)},
                timeout=DATA_TIMEOUT,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ServerAway(str(error)) from error
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
            raise ServerAway(str(error)) from error
        if not HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
            raise _refusal(response.status, response.data)
        try:
            return decode(response.data, kind)
        except ValueError as error:
            raise ServerAway(f"the answer to {path} cannot be read: {error}") from error


def _refusal(status: int, body: bytes) -> Exception:
    """The exception for an unwelcome status: only a clear no is final."""
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except msgspec.MsgspecError:
        problem = _Problem()
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and (
        status not in PASSING
    ):
        return Refused(status, problem.code, problem.detail)
    return ServerAway(f"HTTP status {status} {problem.detail}".rstrip())
