"""What all operations of the API's description share: conventions, the problem document, headers, tags."""

from typing import Any

from common.problems import MEDIA_TYPE

CONVENTIONS = """\
Fleets of virtual robots from rosbag2 recordings.

**Sign in.** `POST /auth/signin` gives an access token: send it as `Authorization: Bearer <token>`. Programs
use long-lived tokens with scopes instead. Each operation tells the least role and the scope that it needs.

**Errors** are problem documents (RFC 9457, `application/problem+json`). `code` is stable, `detail` says
what to do, `errors` points at wrong values by JSON pointer; a wrong query parameter is pointed at by
`/name`. Beside what each operation lists, a method that an address does not have is answered 405 with
`Allow`.

**Lists** come in pages of 50, `page_size` asks for 1 to 500. `next` and `previous` are addresses with a
cursor: follow them as they are. Rows are not counted. Filters, `search` and `ordering` are kept by them.

**Polling.** Reads answer with an `ETag`; sent back as `If-None-Match` it is answered 304 without a body
when nothing has changed.

**Sending again.** Operations with the header `Idempotency-Key` have one effect, however often they are sent
with the same key and body; the repeated answer has `Idempotent-Replayed: true`.

**Bodies** are strict: a field that is not described is refused by its name.
"""

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "What went wrong, in the form of RFC 9457.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "description": "Always `about:blank`."},
        "title": {"type": "string", "description": "The phrase of the status."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What is wrong, and what to do."},
        "code": {"type": "string", "description": "Stable name of what is wrong."},
        "errors": {
            "type": "array",
            "description": "Each wrong value; left out where there is none.",
            "items": {"$ref": "#/components/schemas/ProblemItem"},
        },
    },
}
PROBLEM_ITEM: dict[str, Any] = {
    "type": "object",
    "required": ["pointer", "detail", "code"],
    "properties": {
        "pointer": {"type": "string", "description": "JSON pointer; empty: the whole."},
        "detail": {"type": "string"},
        "code": {"type": "string"},
    },
}

IDEMPOTENCY = (
    "Makes the request safe to send again: the same key with the same body has one effect and gets the same "
    "answer (`Idempotent-Replayed: true`). Another body answers 422; while the first still runs, 409 with "
    "Retry-After."
)

MEANING = {
    400: ("BadRequest", "It cannot be understood; `errors` points at what is wrong."),
    401: ("Unauthorized", "Nobody is signed in, or the token does not hold any more."),
    403: ("Forbidden", "The role, or the scope of the token, does not allow it."),
    404: ("NotFound", "There is no such thing, or it was deleted."),
    406: ("NotAcceptable", "It cannot be told in a form that `Accept` names."),
    409: ("Conflict", "It cannot be done in the present state; `code` says why."),
    410: ("Gone", "It was given up or removed for good."),
    412: ("PreconditionFailed", "It has changed: `If-Match` names an older state."),
    413: ("TooLarge", "More bytes or files than one request may bring."),
    415: ("UnsupportedMediaType", "Another Content-Type than this address takes."),
    416: ("RangeNotSatisfiable", "The range begins behind the end."),
    422: ("Unprocessable", "Understood, but it cannot be; `errors` points at what is wrong."),
    423: ("Locked", "It is locked for a while; see `Retry-After`."),
    429: ("TooManyRequests", "Too often: wait as long as `Retry-After` says."),
    501: ("NotImplemented", "This server cannot do it; `detail` says which can."),
    503: ("Unavailable", "A part of the system is away: try again after `Retry-After` seconds."),
}
"""Name of the shared response and its description, by status."""

WAITING = frozenset({409, 423, 429, 503})
"""Statuses that may carry `Retry-After`."""


def header(name: str) -> dict[str, str]:
    """Refer to a shared header."""
    return {"$ref": f"#/components/headers/{name}"}


def _headers_of(status: int) -> dict[str, Any]:
    found = {"Retry-After": header("RetryAfter")} if status in WAITING else {}
    if status == 401:  # noqa: PLR2004
        found["WWW-Authenticate"] = header("Authenticate")
    return {"headers": found} if found else {}


def answer(status: int, description: str) -> dict[str, Any]:
    """A response that is a problem document."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": description, **_headers_of(status), "content": content}


def components() -> dict[str, dict[str, Any]]:
    """The shared components of the description."""
    responses = {name: answer(status, text) for status, (name, text) in MEANING.items()}
    responses["NotModified"] = {
        "description": "What `If-None-Match` names is still so.",
        "headers": {"ETag": header("ETag")},
    }
    return {
        "schemas": {"Problem": PROBLEM, "ProblemItem": PROBLEM_ITEM},
        "responses": responses,
        "headers": {
            "ETag": _header("Names this state; see If-None-Match."),
            "Location": _header("Address of what was made.", required=True),
            "RetryAfter": _header("Seconds to wait.", kind="integer"),
            "Authenticate": _header("How to sign in."),
            "IdempotentReplayed": _header(
                "`true`: the answer of an earlier request with this key."
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
                "description": "The `ETag` of an earlier answer: 304 comes if it still holds.",
                "schema": {"type": "string"},
            },
        },
    }


def _header(description: str, *, kind: str = "string", required: bool = False) -> dict[str, Any]:
    told: dict[str, Any] = {"description": description, "schema": {"type": kind}}
    return {**told, "required": True} if required else told


TAGS = [
    {"name": "auth", "description": "Signing in and out, passwords, tokens."},
    {"name": "me", "description": "One's own account."},
    {"name": "tokens", "description": "Long-lived tokens of all programs, for admins."},
    {"name": "roles", "description": "Roles and what each may do."},
    {"name": "users", "description": "Accounts and roles, for admins."},
    {"name": "rosbags", "description": "Stored rosbag2 bundles, uploaded or recorded."},
    {"name": "uploads", "description": "Large bundles in parts, resumable."},
    {"name": "exports", "description": "Parts of rosbags made into others, or into tables."},
    {"name": "templates", "description": "What one kind of agent does with a rosbag."},
    {"name": "mecs", "description": "Systems under test, and how agents reach them."},
    {"name": "simulations", "description": "Designs: which templates run, how many agents each."},
    {"name": "executions", "description": "Runs: progress, agents, recordings, timeline, logs."},
    {"name": "deletions", "description": "Simulations that are being removed, or were."},
    {"name": "overview", "description": "The system at a glance."},
    {"name": "audit", "description": "Who changed what."},
    {"name": "schema", "description": "This description."},
]
