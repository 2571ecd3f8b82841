"""What the log says of addresses: never a secret that one carries.

Tickets of streams, addresses of parts and files, and links of password resets are permissions for a while;
whoever reads a log must not get them. Imports no app: logging is set up before there are any.
"""

import logging
import re
from typing import Any

SECRETS = re.compile(r"(/storage/objects/|/password/reset/[^/]+/|[?&](?:ticket|token)=)[^/&\s?]+")


def masked(text: str) -> str:
    """An address without the secrets in it."""
    return SECRETS.sub(r"\1***", text)


class Masking(logging.Filter):
    """Masks the addresses that Django's own loggers name."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.") and isinstance(record.args, tuple):
            record.args = tuple(_masked(word) for word in record.args)
        return True


def _masked(word: Any) -> Any:
    return masked(word) if isinstance(word, str) else word
