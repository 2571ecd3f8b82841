"""Where signed addresses of the folder store lead: reading an object, writing a part."""

from collections.abc import Iterator

from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from storage.api.checksums import checked
from storage.api.sending import Sending, send
from storage.api.streams import body_chunks, pieces_of
from storage.exceptions import LinkRefusedError, ObjectNotFoundError, PartRefusedError
from storage.objects import object_store
from storage.objects.folder import FolderStore
from storage.objects.grants import PartGrant, ReadGrant, parse_token
from storage.services.intake import parts


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
        chunks = checked(request.headers, body_chunks(request._request, length))  # noqa: SLF001
        try:
            etag = _store().write_part(grant, chunks)
        except FileNotFoundError as error:
            raise ObjectNotFoundError(
                _("This upload is no longer open: ask for new addresses.")
            ) from error
        return HttpResponse(headers={"ETag": etag})


def _grant(token: str) -> ReadGrant | PartGrant:
    try:
        return parse_token(token)
    except (BadSignature, TypeError) as error:
        raise LinkRefusedError(_("This address has expired: ask for a new one.")) from error


def _store() -> FolderStore:
    store = object_store()
    if not isinstance(store, FolderStore):
        raise ObjectNotFoundError(_("Files lie in S3 now: ask for a new address."))
    return store


def _download(request: HttpRequest, store: FolderStore, grant: ReadGrant) -> HttpResponseBase:
    found = store.stat(grant.key)
    if found is None:
        raise FileNotFoundError(grant.key)

    def pieces(span: range) -> Iterator[bytes]:
        return pieces_of(store.read(grant.key, span)) if span else iter(())

    name = grant.filename or grant.key.rpartition("/")[2]
    # Objects are replaced as a whole: another content has another time.
    etag = f'"{found.size:x}-{int(found.modified.timestamp() * 1e6):x}"'
    return send(request, Sending(name, found.size, etag, pieces))


def _checked_length(request: Request, grant: PartGrant) -> int:
    """Size of the part in bytes, as the request says and as it was planned."""
    declared = request.META.get("CONTENT_LENGTH") or ""
    if not declared.isdecimal():
        raise PartRefusedError(_("Say the size of the part in the header Content-Length."))
    planned = parts.part_size(grant.key, grant.upload_id, grant.number)
    if planned is None:
        raise ObjectNotFoundError(_("This upload is no longer open: ask for new addresses."))
    if int(declared) != planned:
        message = _("This part has %(planned)d bytes, not %(declared)s: send just these.")
        raise PartRefusedError(message % {"planned": planned, "declared": declared})
    return planned
