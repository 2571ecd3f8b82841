"""Where signed addresses of the folder store lead: reading an object, writing a part."""

from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from storage.api.ranges import RangeNotSatisfiableError, asked
from storage.api.streams import body_chunks, response_body
from storage.client import object_store
from storage.client.folder import FolderStore
from storage.client.grants import PartGrant, ReadGrant, granted
from storage.exceptions import LinkRefusedError, ObjectNotFoundError, PartRefusedError
from storage.services import upload_parts


@extend_schema(exclude=True)
class ObjectView(APIView):
    """The token is the permission: it names one object or one part, and ends after a while."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get(self, request: Request, token: str) -> HttpResponseBase:
        grant = _grant(token)
        if not isinstance(grant, ReadGrant):
            raise LinkRefusedError(_("This address takes a part, it cannot be read."))
        try:
            return _download(request._request, _store(), grant)  # noqa: SLF001  (streams need Django's)
        except FileNotFoundError as error:
            raise ObjectNotFoundError(_("This file is no longer stored.")) from error

    def put(self, request: Request, token: str) -> HttpResponseBase:
        grant = _grant(token)
        if not isinstance(grant, PartGrant):
            raise LinkRefusedError(_("This address can only be read."))
        length = _checked_length(request, grant)
        chunks = body_chunks(request._request, length)  # noqa: SLF001
        try:
            etag = _store().write_part(grant, chunks)
        except FileNotFoundError as error:
            raise ObjectNotFoundError(
                _("This upload is no longer open: ask for new addresses.")
            ) from error
        return HttpResponse(headers={"ETag": etag})


def _grant(token: str) -> ReadGrant | PartGrant:
    try:
        return granted(token)
    except (BadSignature, TypeError) as error:
        raise LinkRefusedError(_("This address has expired: ask for a new one.")) from error


def _store() -> FolderStore:
    store = object_store()
    if not isinstance(store, FolderStore):
        raise ObjectNotFoundError(_("Files lie in S3 now: ask for a new address."))
    return store


def _download(request: HttpRequest, store: FolderStore, grant: ReadGrant) -> HttpResponseBase:
    file = store.open(grant.key)
    size = file.seek(0, 2)
    # With If-Range the whole is always a right answer.
    header = "" if "If-Range" in request.headers else request.headers.get("Range", "")
    try:
        part = asked(header, size)
    except RangeNotSatisfiableError as error:
        file.close()
        return HttpResponse(status=error.status, headers={"Content-Range": f"bytes */{size}"})
    span = range(size) if part is None else part
    file.seek(span.start)
    response = StreamingHttpResponse(
        response_body(request, file, len(span)),
        status=200 if part is None else 206,
        content_type="application/octet-stream",
        headers={"Accept-Ranges": "bytes", "Content-Length": str(len(span))},
    )
    if part is not None:
        response["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{size}"
    filename = grant.filename or grant.key.rpartition("/")[2]
    response["Content-Disposition"] = str(
        content_disposition_header(as_attachment=True, filename=filename)
    )
    return response


def _checked_length(request: Request, grant: PartGrant) -> int:
    """Size of the part in bytes, as the request says and as it was planned."""
    declared = request.META.get("CONTENT_LENGTH") or ""
    if not declared.isdecimal():
        raise PartRefusedError(_("Say the size of the part in the header Content-Length."))
    planned = upload_parts.part_size(grant.key, grant.upload_id, grant.number)
    if planned is None:
        raise ObjectNotFoundError(_("This upload is no longer open: ask for new addresses."))
    if int(declared) != planned:
        message = _("This part has %(planned)d bytes, not %(declared)s: send just these.")
        raise PartRefusedError(message % {"planned": planned, "declared": declared})
    return planned
