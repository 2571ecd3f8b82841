"""`Idempotency-Key` for POST methods of views: put `@idempotent` on the method.

    class Start(APIView):
        @idempotent
        def post(self, request: Request, pk: int) -> Response: ...

The header is optional. The same key, user, URL and body get the stored response with
`Idempotent-Replayed: true`. A method that raises, or answers with 500 or more, leaves the key free.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from accounts.services import idempotency
from common.db.leases import Lease

ViewType = TypeVar("ViewType", bound=APIView)
P = ParamSpec("P")
Method = Callable[Concatenate[ViewType, Request, P], Response]

KEPT_HEADERS = ("Location", "ETag")
MAX_ROUTE_LENGTH = 200


def idempotent(method: Method[ViewType, P]) -> Method[ViewType, P]:
    """Make a view's POST method honour the `Idempotency-Key` header."""

    @wraps(method)
    def guarded(view: ViewType, request: Request, *args: P.args, **kwargs: P.kwargs) -> Response:
        key = request.headers.get("Idempotency-Key")
        if key is None or not isinstance(request.user, User):
            return method(view, request, *args, **kwargs)
        claim = idempotency.claim(
            idempotency.IdempotentRequest(request.user, key, route(request), body_hash(request))
        )
        if isinstance(claim, idempotency.StoredResponse):
            headers = {**claim.headers, "Idempotent-Replayed": "true"}
            return Response(claim.data, status=claim.status, headers=headers)
        return run_claimed(claim, lambda: method(view, request, *args, **kwargs))

    guarded.__dict__["idempotent"] = True  # the OpenAPI schema reads it
    return cast(Method[ViewType, P], guarded)


def run_claimed(lease: Lease, execute: Callable[[], Response]) -> Response:
    """Execute the request and store its response; free the key when it fails."""
    stored = False
    try:
        response = execute()
        if response.status_code < 500:  # noqa: PLR2004
            idempotency.complete(lease, to_stored(response))
            stored = True
        return response
    finally:
        if not stored:
            idempotency.release(lease)


def to_stored(response: Response) -> idempotency.StoredResponse:
    """Keep of a response what a replay needs."""
    data = None
    if response.data is not None:
        data = json.loads(JSONRenderer().render(response.data))
    headers = {name: response[name] for name in KEPT_HEADERS if name in response}
    return idempotency.StoredResponse(response.status_code, data, headers)


def route(request: Request) -> str:
    """Return method and URL of a request; a long URL as its hash."""
    text = f"{request.method} {request.get_full_path()}"
    if len(text) <= MAX_ROUTE_LENGTH:
        return text
    return f"{request.method} sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def body_hash(request: Request) -> str:
    """Hash the body; of a form its fields and files, as its boundary differs each time."""
    # Keyed: a body may contain a password, and the stored hash must not help to guess it.
    digest = hmac.new(settings.SECRET_KEY.encode(), digestmod="sha256")
    if (request.content_type or "").startswith("multipart/"):
        for chunk in form_chunks(request.data):
            digest.update(chunk)
    else:
        digest.update(request.body)
    return digest.hexdigest()


def form_chunks(form: Any) -> Iterator[bytes]:
    """Yield the fields and files of a form in a fixed order; files are rewound."""
    for name, values in sorted(form.lists()):
        for value in values:
            yield json.dumps([name, getattr(value, "name", None)]).encode()
            if isinstance(value, UploadedFile):
                yield from value.chunks()
                value.seek(0)
            else:
                yield json.dumps(str(value)).encode()
