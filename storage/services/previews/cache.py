"""What was made of a rosbag once is kept in the storage: small, and to be made again at any time."""

import hashlib
import io
import json
from contextlib import suppress
from typing import Any

import structlog

from storage.keys import derived_key
from storage.models import Rosbag
from storage.objects import object_store
from storage.objects.base import StoreError

log = structlog.get_logger(__name__)

VERSION = 1
"""Grows when the same question is answered otherwise; older answers are not found then."""
MOST = 500
"""Answers that are kept of one rosbag; further ones are made anew each time."""


def name_of(rosbag: Rosbag, kind: str, **asked: Any) -> str:
    """The name of an answer: what was asked, of which content."""
    told = json.dumps([VERSION, rosbag.content_digest, kind, asked], sort_keys=True)
    return f"{kind}-{hashlib.sha256(told.encode()).hexdigest()[:32]}"


def get(rosbag: Rosbag, name: str) -> bytes | None:
    """What was kept under a name; None when it was not, or the storage is away."""
    with suppress(FileNotFoundError, StoreError), object_store().open(_key(rosbag, name)) as kept:
        return kept.read()
    return None


def keep(rosbag: Rosbag, name: str, content: bytes) -> None:
    """Keep something, unless there is much already or the storage is away: it can be made again."""
    try:
        store = object_store()
        kept = sum(1 for _found in store.list(derived_key(rosbag.pk)))
        if kept < MOST:
            store.put(_key(rosbag, name), io.BytesIO(content))
    except StoreError as error:
        log.warning("preview_not_kept", rosbag=rosbag.pk, error=str(error))


def _key(rosbag: Rosbag, name: str) -> str:
    return derived_key(rosbag.pk, name)
