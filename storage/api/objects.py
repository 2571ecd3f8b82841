"""Endpoint of the folder store's signed URLs: reading an object, writing a part."""

from collections.abc import Iterator

from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from storage.api.checksums import verify_checksums
from storage.api.downloads import FileDownload, file_response
from storage.api.streams import body_chunks, iter_chunks
from storage.exceptions import LinkRefusedError, ObjectNotFoundError, PartRefusedError
from storage.objects import object_store
from storage.objects.folder import FolderStore
from storage.objects.grants import PartGrant, ReadGrant, parse_token
from storage.services.intake import parts


@extend_schema(exclude=True)
class ObjectView(APIView):
    """The token is the permission: it names one object or one part, and expires."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get(self, request: Request, token: str) -> HttpResponseBase:
        grant = _grant(token)
        if not isinstance(grant, ReadGrant):
            raise LinkRefusedError(_("This URL is for uploading a part, it cannot be read."))
        try:
            return _download(request._request, _store(), grant)  # noqa: SLF001  (streams need Django's)
        except FileNotFoundError as error:
            raise ObjectNotFoundError(_("This file is no longer stored.")) from error

    def put(self, request: Request, token: str) -> HttpResponseBase:
        grant = _grant(token)
        if not isinstance(grant, PartGrant):
            raise LinkRefusedError(_("This URL can only be read."))
        length = _checked_length(request._request, grant)  # noqa: SLF001
        chunks = verify_checksums(request.headers, body_chunks(request._request, length))  # noqa: SLF001
        try:
            etag = _store().write_part(grant, chunks)
        except FileNotFoundError as error:
            raise ObjectNotFoundError(
                _("This upload is no longer open: request new URLs.")
            ) from error
        return HttpResponse(headers={"ETag": etag})


def _grant(token: str) -> ReadGrant | PartGrant:
    try:
        return parse_token(token)
    except FileNotFoundError as error:
        raise ObjectNotFoundError(_("This file is no longer stored.")) from error
    except (BadSignature, TypeError) as error:
        raise LinkRefusedError(_("This URL has expired: request a new one.")) from error


def _store() -> FolderStore:
    store = object_store()
    if not isinstance(store, FolderStore):
        raise ObjectNotFoundError(_("The files are stored in S3 now: request a new URL."))
    return store


def _download(request: HttpRequest, store: FolderStore, grant: ReadGrant) -> HttpResponseBase:
    stored = store.stat(grant.key)
    if stored is None:
        raise FileNotFoundError(grant.key)

    def chunks(byte_range: range) -> Iterator[bytes]:
        return iter_chunks(store.read(grant.key, byte_range)) if byte_range else iter(())

    name = grant.filename or grant.key.rpartition("/")[2]
    # Objects are replaced as a whole: other content has another modification time.
    etag = f'"{stored.size:x}-{int(stored.modified.timestamp() * 1e6):x}"'
    return file_response(request, FileDownload(name, stored.size, etag, chunks))


def part_length(request: HttpRequest, token: str) -> int:
    """Length of the part that a request brings by its head; 0: it brings none.

    Raises:
        LinkRefusedError, PartRefusedError, ObjectNotFoundError: Its URL or its length is wrong.
    """
    if request.method != "PUT":
        return 0
    grant = _grant(token)
    return _checked_length(request, grant) if isinstance(grant, PartGrant) else 0


def _checked_length(request: HttpRequest, grant: PartGrant) -> int:
    """Check that the declared size of the part is the expected one, and return it in bytes."""
    declared = request.META.get("CONTENT_LENGTH") or ""
    if not declared.isdecimal():
        raise PartRefusedError(_("Give the size of the part in the header Content-Length."))
    expected = parts.part_size(grant.key, grant.upload_id, grant.number)
    if expected is None:
        raise ObjectNotFoundError(_("This upload is no longer open: request new URLs."))
    if int(declared) != expected:
        message = _("This part must have %(expected)d bytes, not %(declared)s.")
        raise PartRefusedError(message % {"expected": expected, "declared": declared})
    return expected
