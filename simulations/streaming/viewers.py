"""Repeated checks that users may still watch, shared by all streams of a user."""

import time
from contextlib import suppress
from typing import NamedTuple

from django.conf import settings
from django.db import Error

from accounts.models import User
from accounts.services import revocations
from simulations.streaming.hub import read_in_thread


class Viewer(NamedTuple):
    """A user with the generation of the sign-in; a new password starts a new generation.

    `sign_in` is the name of the sign-in of an access token, empty for other ways to authenticate.
    """

    user_id: int
    generation: int
    sign_in: str = ""


KEPT_HEARTBEATS = 100
_checks: dict[Viewer, tuple[float, bool]] = {}
"""Time and result of the last check of each viewer."""


async def may_watch(viewer: Viewer) -> bool:
    """Check that account and sign-in are as they were; the result may be as old as one heartbeat.

    While the database is unreachable the last result stays valid.
    """
    checked_at, allowed = _checks.get(viewer, (0.0, True))
    if time.monotonic() - checked_at < settings.STREAM_HEARTBEAT_SECONDS:
        return allowed
    _forget_old()
    # Written before the check, so that the other streams of this user do not check as well.
    _checks[viewer] = (time.monotonic(), allowed)
    with suppress(Error):
        allowed = await read_in_thread(_is_active, viewer)
        _checks[viewer] = (time.monotonic(), allowed)
    if not allowed:
        _checks.pop(viewer, None)
    return allowed


def _forget_old() -> None:
    """Forget viewers that nobody has asked for in a while, as each sign-in is one."""
    limit = time.monotonic() - KEPT_HEARTBEATS * settings.STREAM_HEARTBEAT_SECONDS
    for viewer in [viewer for viewer, (checked_at, _) in _checks.items() if checked_at < limit]:
        _checks.pop(viewer, None)


def _is_active(viewer: Viewer) -> bool:
    rows = User.objects.filter(pk=viewer.user_id, generation=viewer.generation, is_active=True)
    return rows.filter(revocations.valid(viewer.sign_in)).exists()
