"""`Idempotency-Key` for POST methods of views: put `@idempotent` on the method.

    class Start(APIView):
        @idempotent
        def post(self, request: Request, pk: int) -> Response: ...

The header is optional. The same key, user, URL and body get the stored response with
`Idempotent-Replayed: true`. A method that raises, or answers with 500 or more, has no effect and leaves the
key free.

With a key the method runs in one transaction, which also writes the key and the response. What is slow, or
asks other systems, is done before or after it:

    @idempotent(prepare=stored_bundle, present=with_signed_urls)
    def create(self, request: Request, bundle: StoredBundle) -> Response: ...

`prepare` is a context manager around the method; what it yields is the last argument of the method. `present`
makes the response of what the method returns, for each request anew: what it adds, such as secrets and signed
URLs, is not stored.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial, wraps
from typing import Any, TypeVar, cast, overload

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.services import idempotency
from accounts.services.idempotency import IdempotentRequest, StoredResponse
from common.exceptions import DomainError

Method = TypeVar("Method", bound=Callable[..., Response])
Prepare = Callable[[Request], AbstractContextManager[Any]]
Present = Callable[[Request, Response], Response]
Owner = Callable[[Request], User | None]

KEPT_HEADERS = ("Location", "ETag")
MAX_ROUTE_LENGTH = 200


def sender(request: Request) -> User | None:
    """Return the user who sends a request."""
    return request.user if isinstance(request.user, User) else None


def unchanged(_request: Request, response: Response) -> Response:
    """Present what the method returned."""
    return response


@overload
def idempotent(method: Method) -> Method: ...


@overload
def idempotent(
    *, prepare: Prepare | None = None, present: Present = unchanged, owner: Owner = sender
) -> Callable[[Method], Method]: ...


def idempotent(
    method: Method | None = None,
    *,
    prepare: Prepare | None = None,
    present: Present = unchanged,
    owner: Owner = sender,
) -> Method | Callable[[Method], Method]:
    """Make a view's POST method honour the `Idempotency-Key` header; `owner` finds whose key it is."""

    def decorate(method: Method) -> Method:
        @wraps(method)
        def guarded(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
            def respond(identity: IdempotentRequest | None) -> Response:
                with prepare(request) if prepare else nullcontext() as prepared:
                    last = (prepared,) if prepare else ()
                    return execute(identity, partial(method, view, request, *args, *last, **kwargs))

            return present(request, replay_or(identify(request, owner), respond))

        guarded.__dict__["idempotent"] = True  # the OpenAPI schema reads it
        return cast(Method, guarded)

    return decorate if method is None else decorate(method)


def identify(request: Request, owner: Owner) -> IdempotentRequest | None:
    """Return the identity of a request that has a key."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    return IdempotentRequest(partial(owner, request), key, route(request), body_hash(request))


def replay_or(
    identity: IdempotentRequest | None, respond: Callable[[IdempotentRequest | None], Response]
) -> Response:
    """Return the response of an earlier request with the same key, else that of `respond`."""
    if identity is None:
        return respond(None)
    if stored := idempotency.find(identity):
        return to_response(stored, replayed=True)
    try:
        return respond(identity)
    except DomainError:
        # The same request, sent at the same time, may be what it is refused for: an account that exists now.
        if stored := idempotency.find(identity):
            return to_response(stored, replayed=True)
        raise


def execute(identity: IdempotentRequest | None, call: Callable[[], Response]) -> Response:
    """Execute a request, unless another one with its key did so meanwhile."""
    if identity is None:
        return call()
    stored, replayed = idempotency.run(identity, lambda: to_stored(call()))
    return to_response(stored, replayed=replayed)


def to_stored(response: Response) -> StoredResponse:
    """Keep of a response what a replay needs."""
    data = None
    if response.data is not None:
        data = json.loads(JSONRenderer().render(response.data))
    headers = {name: response[name] for name in KEPT_HEADERS if name in response}
    return StoredResponse(response.status_code, data, headers)


def to_response(stored: StoredResponse, *, replayed: bool) -> Response:
    """Make a response of a stored one."""
    headers = {**stored.headers, "Idempotent-Replayed": "true"} if replayed else stored.headers
    return Response(stored.data, status=stored.status, headers=headers)


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
