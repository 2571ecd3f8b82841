"""Answers that carry a file: whole or a range of it, with validators, streamed (RFC 9110)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from rest_framework.negotiation import DefaultContentNegotiation

from common.problems import Problem
from storage.api.ranges import RangeNotSatisfiableError, asked
from storage.api.streams import response_body

OCTETS = "application/octet-stream"


class WhateverIsAccepted(DefaultContentNegotiation):
    """A file is what it is: `Accept: application/zip` must not end in 406."""

    def select_renderer(self, request, renderers, format_suffix=None):  # type: ignore[no-untyped-def]
        return renderers[0], renderers[0].media_type


@dataclass(frozen=True)
class Sending:
    """What to send: its name, size in bytes, ETag with quotes (empty: none), and how to read a span."""

    filename: str
    size: int
    etag: str
    pieces: Callable[[range], Iterator[bytes]]
    content_type: str = OCTETS
    ranges: bool = True


def send(request: HttpRequest, file: Sending) -> HttpResponseBase:
    """Answer GET or HEAD with a file: 200, 206, 304, 412 or 416. HEAD reads nothing of it."""
    early = get_conditional_response(request, etag=file.etag) if file.etag else None
    if early is not None:
        return early
    try:
        part = _range(request, file)
    except RangeNotSatisfiableError as error:
        return _unsatisfiable(error, file)
    span = range(file.size) if part is None else part
    status = 200 if part is None else 206
    response: HttpResponseBase
    if request.method == "HEAD":
        response = HttpResponse(status=status, content_type=file.content_type)
    else:
        body = response_body(request, file.pieces(span))
        response = StreamingHttpResponse(body, status=status, content_type=file.content_type)
    response["Content-Length"] = str(len(span))
    response["Accept-Ranges"] = "bytes" if file.ranges else "none"
    response["Content-Disposition"] = str(
        content_disposition_header(as_attachment=True, filename=file.filename)
    )
    if file.etag:
        response["ETag"] = file.etag
    if part is not None:
        response["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{file.size}"
    return response


def _range(request: HttpRequest, file: Sending) -> range | None:
    """The range that is asked for; None where the whole is the right answer."""
    condition = request.headers.get("If-Range")
    strong = file.etag and not file.etag.startswith("W/")
    if not file.ranges or (condition is not None and not (strong and condition == file.etag)):
        return None
    return asked(request.headers.get("Range", ""), file.size)


def _unsatisfiable(error: RangeNotSatisfiableError, file: Sending) -> HttpResponse:
    detail = _("The range begins behind the end: the file has %(size)d bytes.")
    answer = Problem(error.status, error.code, detail % {"size": file.size}).response()
    answer["Content-Range"] = f"bytes */{file.size}"
    return answer
