"""Masking of secrets in logs, traces and error reports.

Tickets of streams, URLs of parts and files, and links of password resets grant access for a while, and URLs
of servers contain passwords; a reader of the logs must not get them. The module imports no app, as logging
is set up before they are loaded.
"""

import logging
import re
from typing import Any

HIDDEN = "***"
_PATTERNS = (
    # Secrets in URLs: parts of the path and query parameters.
    re.compile(
        r"(/storage/objects/|/password/reset/[^/]+/"
        r"|[?&](?:ticket|token|X-Amz-Signature|X-Amz-Credential|X-Amz-Security-Token)=)[^/&\s?'\"]+"
    ),
    # user:password@host; the user name is not secret.
    re.compile(r"(://[^/\s:@]*:)[^/\s@]+(?=@)"),
    # Headers, wherever they are quoted.
    re.compile(r"(?i)(\bbearer +)[A-Za-z0-9._~+/=-]{16,}"),
    re.compile(r"(?i)(\bauthorization['\"]?: *['\"]?)[^'\"\r\n]+"),
    re.compile(r"(?i)(['\"](?:password|secret|token|access|refresh|ticket)['\"]: *['\"])[^'\"]+"),
    re.compile(r"(?i)(\b(?:set-)?cookie['\"]?: *['\"]?)[^'\"\r\n]+"),
    # Tokens, recognised by their format: those of programs, and signed ones (JWT and Django's).
    re.compile(r"(\brst_)[A-Za-z0-9_-]{16,}"),
    re.compile(r"(\beyJ)[A-Za-z0-9_-]{8,}[.:][A-Za-z0-9._:-]{8,}"),
)
_HINTS = ("/", "=", " ", ":", "eyJ", "rst_")
"""A text without any of these cannot match a pattern."""
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
"""Names of fields whose values are always masked, in lower case."""


def mask(text: str) -> str:
    """Mask the secrets in a text."""
    if any(hint in text for hint in _HINTS):
        for pattern in _PATTERNS:
            text = pattern.sub(rf"\1{HIDDEN}", text)
    return text


def mask_nested(value: Any) -> Any:
    """Mask the secrets in nested dictionaries, lists and tuples."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {
            key: HIDDEN if str(key).lower() in SECRET_NAMES and inner else mask_nested(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return type(value)(map(mask_nested, value)) if type(value) in {list, tuple} else value
    return value


class MaskingFilter(logging.Filter):
    """Logging filter that masks the arguments of a message before they are formatted."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(map(_mask_argument, record.args))
        return True


def _mask_argument(value: Any) -> Any:
    return mask(value) if isinstance(value, str) else value
