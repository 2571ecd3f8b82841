"""`Idempotency-Key` for POST methods of views: put `@idempotent` on the method.

    class Start(APIView):
        @idempotent
        def post(self, request: Request, pk: int) -> Response: ...

The header is optional. The same key, user, address and body get the stored answer with
`Idempotent-Replayed: true`. A method that raises, or answers 500 and above, leaves the key free.
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
LONGEST_ROUTE = 200


def idempotent(method: Method[ViewType, P]) -> Method[ViewType, P]:
    """Make a view's POST method honour the `Idempotency-Key` header."""

    @wraps(method)
    def guarded(view: ViewType, request: Request, *args: P.args, **kwargs: P.kwargs) -> Response:
        key = request.headers.get("Idempotency-Key")
        if key is None or not isinstance(request.user, User):
            return method(view, request, *args, **kwargs)
        asked = idempotency.Asked(request.user, key, route(request), body_hash(request))
        held = idempotency.claim(asked)
        if isinstance(held, idempotency.Answer):
            replay = {**held.headers, "Idempotent-Replayed": "true"}
            return Response(held.data, status=held.status, headers=replay)
        return finish(held, lambda: method(view, request, *args, **kwargs))

    guarded.__dict__["idempotent"] = True  # the description of the API asks for it
    return cast(Method[ViewType, P], guarded)


def finish(held: Lease, execute: Callable[[], Response]) -> Response:
    """Execute the request and store its answer; free the key when it fails."""
    stored = False
    try:
        response = execute()
        if response.status_code < 500:  # noqa: PLR2004
            idempotency.complete(held, answer_of(response))
            stored = True
        return response
    finally:
        if not stored:
            idempotency.release(held)


def answer_of(response: Response) -> idempotency.Answer:
    """Take of a response what a replay needs."""
    data = None
    if response.data is not None:
        data = json.loads(JSONRenderer().render(response.data))
    headers = {name: response[name] for name in KEPT_HEADERS if name in response}
    return idempotency.Answer(response.status_code, data, headers)


def route(request: Request) -> str:
    """Name the address that was called; a long one by its hash."""
    called = f"{request.method} {request.get_full_path()}"
    if len(called) <= LONGEST_ROUTE:
        return called
    return f"{request.method} sha256:{hashlib.sha256(called.encode()).hexdigest()}"


def body_hash(request: Request) -> str:
    """Hash what was sent; of a form its fields and files, for its boundary is new each time."""
    # Keyed: a body may hold a password, and what is kept must not help to guess it.
    digest = hmac.new(settings.SECRET_KEY.encode(), digestmod="sha256")
    if (request.content_type or "").startswith("multipart/"):
        for piece in form_pieces(request.data):
            digest.update(piece)
    else:
        digest.update(request.body)
    return digest.hexdigest()


def form_pieces(form: Any) -> Iterator[bytes]:
    """Walk over the fields of a form in a fixed order; files are left at their start."""
    for name, values in sorted(form.lists()):
        for value in values:
            yield json.dumps([name, getattr(value, "name", None)]).encode()
            if isinstance(value, UploadedFile):
                yield from value.chunks()
                value.seek(0)
            else:
                yield json.dumps(str(value)).encode()
