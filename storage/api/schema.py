"""How the API's description tells what goes wrong."""

from http import HTTPStatus
from typing import Any

from drf_spectacular.utils import OpenApiResponse

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, and what to do."},
        "code": {"type": "string", "description": "Stable name of what is wrong."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {"type": "string"},
                    "detail": {"type": "string"},
                    "code": {"type": "string"},
                },
            },
        },
    },
}
BYTES = {"type": "string", "format": "binary"}
MEANING = {
    400: "The request cannot be understood; `errors` points at what is wrong.",
    401: "Nobody is signed in.",
    403: "The role or the token does not allow it.",
    404: "There is no such thing, or it was deleted.",
    409: "It cannot be done in the present state; `code` says why.",
    410: "It was given up.",
    413: "More bytes or files than one request may bring.",
    415: "Another Content-Type than this address takes.",
    416: "The range begins behind the end.",
    422: "Understood, but it cannot be; `errors` points at what is wrong.",
    503: "The storage or the database is away; try again after a while.",
}


def problems(*statuses: int) -> dict[tuple[int, str], Any]:
    """Responses for these statuses, and for those that every address may give."""
    return {
        (status, "application/problem+json"): OpenApiResponse(
            PROBLEM, description=MEANING.get(status, HTTPStatus(status).phrase)
        )
        for status in sorted({401, 403, 503, *statuses})
    }
