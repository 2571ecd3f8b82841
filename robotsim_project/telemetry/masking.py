"""What logs, traces and error reports say of secrets: that there was one.

Tickets of streams, addresses of parts and files, and links of password resets are permissions for a while,
and addresses of servers hold passwords; whoever reads a log must not get them. Imports no app: logging is
set up before there are any.
"""

import logging
import re
from typing import Any

HIDDEN = "***"
_PATTERNS = (
    # What opens something by being known: parts of addresses, and fields of queries.
    re.compile(
        r"(/storage/objects/|/password/reset/[^/]+/"
        r"|[?&](?:ticket|token|X-Amz-Signature|X-Amz-Credential|X-Amz-Security-Token)=)[^/&\s?'\"]+"
    ),
    # user:password@host; the user alone is no secret.
    re.compile(r"(://[^/\s:@]*:)[^/\s@]+(?=@)"),
    # Headers, wherever they are quoted.
    re.compile(r"(?i)(\bbearer +)[A-Za-z0-9._~+/=-]{16,}"),
    re.compile(r"(?i)(\bauthorization['\"]?: *['\"]?)[^'\"\r\n]+"),
    re.compile(r"(?i)(['\"](?:password|secret|token|access|refresh|ticket)['\"]: *['\"])[^'\"]+"),
    re.compile(r"(?i)(\b(?:set-)?cookie['\"]?: *['\"]?)[^'\"\r\n]+"),
    # Tokens by their own form: those of programs, and signed ones (JWT, and Django's).
    re.compile(r"(\brst_)[A-Za-z0-9_-]{16,}"),
    re.compile(r"(\beyJ)[A-Za-z0-9_-]{8,}[.:][A-Za-z0-9._:-]{8,}"),
)
_MARKS = ("/", "=", " ", ":", "eyJ", "rst_")
"""What a text has at least one of that any of the patterns could find."""
SECRET_NAMES = frozenset(
    {
        "authorization",
        "cookie",
        "set-cookie",
        "password",
        "new_password",
        "old_password",
        "secret",
        "secret_key",
        "token",
        "access",
        "refresh",
        "ticket",
        "csrfmiddlewaretoken",
        "database_url",
        "redis_url",
        "metrics_token",
    }
)
"""Names of fields whose values are never told, in lower case."""


def masked(text: str) -> str:
    """A text without the secrets in it."""
    if any(mark in text for mark in _MARKS):
        for pattern in _PATTERNS:
            text = pattern.sub(rf"\1{HIDDEN}", text)
    return text


def deeply_masked(value: Any) -> Any:
    """The same for what is nested: dictionaries, lists and tuples of anything."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, dict):
        return {
            key: HIDDEN if str(key).lower() in SECRET_NAMES and inner else deeply_masked(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return type(value)(map(deeply_masked, value)) if type(value) in {list, tuple} else value
    return value


class Masking(logging.Filter):
    """Masks what the words of a plain line name, before anybody puts them together."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_masked(word) for word in record.args)
        return True


def _masked(word: Any) -> Any:
    return masked(word) if isinstance(word, str) else word
