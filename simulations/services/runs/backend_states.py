"""The backend as each controller sees it, where only controllers may use it: told in Redis, read by all.

A controller has its own connection to the cluster: one may be in step with it while another is not.
"""

from contextlib import suppress
from datetime import UTC, datetime

import msgspec
from django.conf import settings
from django.utils import timezone

from simulations.backends import backend
from simulations.backends.base import Capacity
from simulations.live import system

OLD_SECONDS = 30.0
"""Age at which a report says nothing any more: the controller has ended, or hangs."""


class BackendState(msgspec.Struct, frozen=True, kw_only=True):
    """The backend as a controller sees it; times are seconds since the epoch by its own clock."""

    at: float
    problem: str = ""
    """Problem of the backend; empty: none."""
    problem_since: float | None = None
    capacity: Capacity | None = None
    """Room where units run; None: not known."""

    @property
    def since(self) -> datetime | None:
        """When the problem began."""
        return (
            None if self.problem_since is None else datetime.fromtimestamp(self.problem_since, UTC)
        )


def record(controller: str, state: BackendState) -> None:
    """Tell how a controller sees the backend.

    Raises:
        RedisUnreachableError: Redis does not answer.
    """
    system.record_backend(controller, msgspec.json.encode(state))


def read() -> dict[str, BackendState]:
    """Return how each controller sees the backend, the newest report last; old reports are removed.

    Raises:
        RedisUnreachableError: Redis does not answer.
    """
    limit = timezone.now().timestamp() - OLD_SECONDS
    rows: dict[str, BackendState] = {}
    old: list[str] = []
    for controller, value in system.recorded_backends().items():
        state = _decode(value)
        if state is None or state.at < limit:
            old.append(controller)
        else:
            rows[controller] = state
    system.remove_backends(old)
    return dict(sorted(rows.items(), key=lambda row: row[1].at))


def health() -> str:
    """Judge the backend in a word: `ok`, `away` when no controller is in step with it, or `unknown`.

    Raises:
        RedisUnreachableError: Redis does not answer.
    """
    if not backend(settings.BACKEND).controller_only:
        return "ok"
    states = read().values()
    if not states:
        return "unknown"
    return "away" if all(state.problem for state in states) else "ok"


def _decode(value: bytes) -> BackendState | None:
    with suppress(msgspec.MsgspecError):  # written by another version
        return msgspec.json.decode(value, type=BackendState)
    return None
