"""Whether those who watch may still watch: asked now and then, once for all streams of one user."""

import time
from contextlib import suppress
from typing import NamedTuple

from django.conf import settings
from django.db import Error

from accounts.models import User
from simulations.streaming.hub import short


class Viewer(NamedTuple):
    """A user as signed in; a new password is a new generation and ends what the old one opened."""

    user_id: int
    generation: int


_known: dict[Viewer, tuple[float, bool]] = {}
"""When it was asked last, and the answer."""


async def may_watch(viewer: Viewer) -> bool:
    """Whether the account still lives as it was; an answer is as old as one heartbeat at most.

    While the database is away what was known holds.
    """
    asked, allowed = _known.get(viewer, (0.0, True))
    if time.monotonic() - asked < settings.STREAM_HEARTBEAT_SECONDS:
        return allowed
    # Written first: the other streams of this user need not ask as well.
    _known[viewer] = (time.monotonic(), allowed)
    with suppress(Error):
        allowed = await short(_lives, viewer)
        _known[viewer] = (time.monotonic(), allowed)
    if not allowed:
        _known.pop(viewer, None)
    return allowed


def _lives(viewer: Viewer) -> bool:
    found = User.objects.filter(pk=viewer.user_id, generation=viewer.generation, is_active=True)
    return found.exists()
