"""Streamed responses with a file or a range of it, with validators (RFC 9110)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from rest_framework.negotiation import DefaultContentNegotiation

from common.problems import Problem
from storage.api.ranges import RangeNotSatisfiableError, parse_range
from storage.api.streams import response_body

OCTETS = "application/octet-stream"


class AnyContentType(DefaultContentNegotiation):
    """Ignores `Accept`, as a file has only one representation: no 406."""

    def select_renderer(self, request, renderers, format_suffix=None):  # type: ignore[no-untyped-def]
        return renderers[0], renderers[0].media_type


@dataclass(frozen=True)
class FileDownload:
    """A file to send: name, size in bytes, quoted ETag (empty: none), and a reader of byte ranges."""

    filename: str
    size: int
    etag: str
    pieces: Callable[[range], Iterator[bytes]]
    content_type: str = OCTETS
    ranges: bool = True


def file_response(request: HttpRequest, file: FileDownload) -> HttpResponseBase:
    """Respond to GET or HEAD with a file: 200, 206, 304, 412 or 416. HEAD does not read it."""
    not_modified = get_conditional_response(request, etag=file.etag) if file.etag else None
    if not_modified is not None:
        return not_modified
    try:
        part = _requested_range(request, file)
    except RangeNotSatisfiableError as error:
        return _unsatisfiable(error, file)
    byte_range = range(file.size) if part is None else part
    status = 200 if part is None else 206
    response: HttpResponseBase
    if request.method == "HEAD":
        response = HttpResponse(status=status, content_type=file.content_type)
    else:
        body = response_body(request, file.pieces(byte_range))
        response = StreamingHttpResponse(body, status=status, content_type=file.content_type)
    response["Content-Length"] = str(len(byte_range))
    response["Accept-Ranges"] = "bytes" if file.ranges else "none"
    response["Content-Disposition"] = str(
        content_disposition_header(as_attachment=True, filename=file.filename)
    )
    if file.etag:
        response["ETag"] = file.etag
    if part is not None:
        response["Content-Range"] = f"bytes {byte_range.start}-{byte_range.stop - 1}/{file.size}"
    return response


def _requested_range(request: HttpRequest, file: FileDownload) -> range | None:
    """The requested range; None when the whole file must be sent."""
    condition = request.headers.get("If-Range")
    strong = file.etag and not file.etag.startswith("W/")
    if not file.ranges or (condition is not None and not (strong and condition == file.etag)):
        return None
    return parse_range(request.headers.get("Range", ""), file.size)


def _unsatisfiable(error: RangeNotSatisfiableError, file: FileDownload) -> HttpResponse:
    detail = _("The range starts after the end of the file, which has %(size)d bytes.")
    answer = Problem(error.status, error.code, detail % {"size": file.size}).response()
    answer["Content-Range"] = f"bytes */{file.size}"
    return answer
