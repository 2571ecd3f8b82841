"""A cache of previews in the storage; every entry can be computed again at any time."""

import hashlib
import io
import json
from contextlib import suppress
from typing import Any

import structlog

from storage.keys import preview_key
from storage.models import Rosbag
from storage.objects import object_store
from storage.objects.base import StoreError

log = structlog.get_logger(__name__)

VERSION = 2
"""Part of every name: increase it when the format of cached previews changes."""
MAX_ENTRIES = 500
"""Cached previews of one rosbag; further ones are computed each time."""


def entry_name(rosbag: Rosbag, kind: str, **parameters: Any) -> str:
    """The name of a cached preview, from its parameters and the rosbag's content."""
    identity = json.dumps([VERSION, rosbag.content_digest, kind, parameters], sort_keys=True)
    return f"{kind}-{hashlib.sha256(identity.encode()).hexdigest()[:32]}"


def get(rosbag: Rosbag, name: str) -> bytes | None:
    """Read a cached preview; None when there is none, or the storage is unavailable."""
    key = preview_key(rosbag.pk, name)
    with suppress(FileNotFoundError, StoreError), object_store().open(key) as entry:
        return entry.read()
    return None


def put(rosbag: Rosbag, name: str, content: bytes) -> None:
    """Cache a preview, unless the limit is reached or the storage is unavailable."""
    try:
        store = object_store()
        count = sum(1 for _entry in store.list(preview_key(rosbag.pk)))
        if count < MAX_ENTRIES:
            store.put(preview_key(rosbag.pk, name), io.BytesIO(content))
    except StoreError as error:
        log.warning("preview_not_kept", rosbag=rosbag.pk, error=str(error))
