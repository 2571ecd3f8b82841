"""Shared components of the OpenAPI schema: conventions, problem documents, headers, parameters, tags."""

from typing import Any

from common.problems import MEDIA_TYPE

CONVENTIONS = """\
Fleets of virtual robots from rosbag2 recordings.

**Sign in.** `POST /auth/signin` gives an access token: send it as `Authorization: Bearer <token>`. Programs
use long-lived tokens with scopes instead. Each operation names the minimum role and the scope that it needs.

**Errors** are problem documents (RFC 9457, `application/problem+json`). `code` is stable, `detail` says
what to do, `errors` lists invalid values by JSON pointer; an invalid query parameter has the pointer
`/name`. In addition to the errors that each operation lists, an unsupported method is answered 405 with
`Allow`.

**Lists** have pages of 50 rows, `page_size` may be 1 to 500. `next` and `previous` are URLs with a
cursor: use them unchanged; they keep filters, `search` and `ordering`. There is no total count.

**Polling.** Reads answer with an `ETag`; sent back as `If-None-Match` it is answered 304 without a body
when nothing has changed.

**Retries.** Operations with the header `Idempotency-Key` have one effect, however often they are sent
with the same key and body; a repeated response has `Idempotent-Replayed: true`.

**Bodies** are strict: an unknown field is refused by its name.
"""

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "An error, as defined by RFC 9457.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "description": "Always `about:blank`."},
        "title": {"type": "string", "description": "The reason phrase of the status."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What is wrong, and what to do."},
        "code": {"type": "string", "description": "Stable code of the error."},
        "errors": {
            "type": "array",
            "description": "The invalid values; absent when there are none.",
            "items": {"$ref": "#/components/schemas/ProblemItem"},
        },
    },
}
PROBLEM_ITEM: dict[str, Any] = {
    "type": "object",
    "required": ["pointer", "detail", "code"],
    "properties": {
        "pointer": {"type": "string", "description": "JSON pointer; empty: the whole body."},
        "detail": {"type": "string"},
        "code": {"type": "string"},
    },
}

IDEMPOTENCY = (
    "Makes the request safe to retry: the same key with the same body has one effect and gets the same "
    "response (`Idempotent-Replayed: true`), for a day, also when the server was killed meanwhile. "
    "Another body is answered 422; a first request that still runs after two seconds, 409 with Retry-After."
)

RESPONSES = {
    400: ("BadRequest", "The request is invalid; `errors` lists the invalid values."),
    401: ("Unauthorized", "Not signed in, or the token is no longer valid."),
    403: ("Forbidden", "The role, or the scope of the token, does not allow this."),
    404: ("NotFound", "It does not exist, or it was deleted."),
    406: ("NotAcceptable", "It is not available in a format that `Accept` names."),
    409: ("Conflict", "Not possible in the current state; `code` says why."),
    410: ("Gone", "It was cancelled or permanently removed."),
    412: ("PreconditionFailed", "It has changed: `If-Match` names an older version."),
    413: ("TooLarge", "More bytes or files than one request may have."),
    415: ("UnsupportedMediaType", "This URL does not accept the Content-Type."),
    416: ("RangeNotSatisfiable", "The range begins after the end."),
    422: ("Unprocessable", "The values cannot be accepted; `errors` lists the invalid ones."),
    423: ("Locked", "It is locked for a while; see `Retry-After`."),
    429: ("TooManyRequests", "Too many requests: wait as long as `Retry-After` says."),
    501: ("NotImplemented", "This server does not support it; `detail` says which does."),
    503: ("Unavailable", "A dependency is unavailable: retry after `Retry-After` seconds."),
}
"""Name of the shared response and its description, by status."""

RETRY_AFTER_STATUSES = frozenset({409, 423, 429, 503})
"""Statuses that may carry `Retry-After`."""


def header(name: str) -> dict[str, str]:
    """Return a reference to a shared header."""
    return {"$ref": f"#/components/headers/{name}"}


def _headers_of(status: int) -> dict[str, Any]:
    headers = {"Retry-After": header("RetryAfter")} if status in RETRY_AFTER_STATUSES else {}
    if status == 401:  # noqa: PLR2004
        headers["WWW-Authenticate"] = header("Authenticate")
    return {"headers": headers} if headers else {}


def problem_response(status: int, description: str) -> dict[str, Any]:
    """Return a response that is a problem document."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": description, **_headers_of(status), "content": content}


def components() -> dict[str, dict[str, Any]]:
    """Return the shared components of the schema."""
    responses = {name: problem_response(status, text) for status, (name, text) in RESPONSES.items()}
    responses["NotModified"] = {
        "description": "Unchanged since the version that `If-None-Match` names.",
        "headers": {"ETag": header("ETag")},
    }
    return {
        "schemas": {"Problem": PROBLEM, "ProblemItem": PROBLEM_ITEM},
        "responses": responses,
        "headers": {
            "ETag": _header("Identifies this version; see If-None-Match."),
            "Location": _header("URL of the new resource.", required=True),
            "RetryAfter": _header("Seconds to wait.", kind="integer"),
            "Authenticate": _header("How to sign in."),
            "IdempotentReplayed": _header(
                "`true`: the response of an earlier request with this key."
            ),
        },
        "parameters": {
            "IdempotencyKey": {
                "name": "Idempotency-Key",
                "in": "header",
                "description": IDEMPOTENCY,
                "schema": {"type": "string", "pattern": "^[!-~]([ -~]{0,198}[!-~])?$"},
            },
            "IfNoneMatch": {
                "name": "If-None-Match",
                "in": "header",
                "description": "The `ETag` of an earlier response: answered 304 if nothing has changed.",
                "schema": {"type": "string"},
            },
        },
    }


def _header(description: str, *, kind: str = "string", required: bool = False) -> dict[str, Any]:
    values: dict[str, Any] = {"description": description, "schema": {"type": kind}}
    return {**values, "required": True} if required else values


TAGS = [
    {"name": "auth", "description": "Signing in and out, passwords, tokens."},
    {"name": "me", "description": "One's own account."},
    {"name": "tokens", "description": "Long-lived tokens of all programs, for admins."},
    {"name": "roles", "description": "Roles and what each may do."},
    {"name": "users", "description": "Accounts and roles, for admins."},
    {"name": "rosbags", "description": "Stored rosbag2 bundles, uploaded or recorded."},
    {"name": "uploads", "description": "Large bundles in parts, resumable."},
    {"name": "exports", "description": "Parts of rosbags as new rosbags or as tables."},
    {"name": "templates", "description": "What one kind of agent does with a rosbag."},
    {"name": "mecs", "description": "Systems under test, and how agents reach them."},
    {"name": "simulations", "description": "Designs: which templates run, how many agents each."},
    {"name": "executions", "description": "Runs: progress, agents, recordings, timeline, logs."},
    {"name": "deletions", "description": "Simulations that are being removed or have been."},
    {"name": "overview", "description": "The system at a glance."},
    {"name": "audit", "description": "Who changed what."},
    {"name": "schema", "description": "This OpenAPI schema."},
]
