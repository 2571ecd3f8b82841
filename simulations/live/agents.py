"""The agents of an execution's newest snapshots."""

import msgspec

from simulations.exceptions import RedisUnreachableError
from simulations.live.connection import connect, key


class LiveAgent(msgspec.Struct, frozen=True):
    """State and figures of one agent; times in µs."""

    number: int
    state: str
    lateness_p99_us: float | None = None
    start_skew_us: float | None = None


class LiveUnit(msgspec.Struct, frozen=True):
    """The agents of one unit, as of its newest snapshot."""

    stage_run: int
    unit: int
    attempt: int
    agents: tuple[LiveAgent, ...]
    late: bool = False


class _Stored(msgspec.Struct, frozen=True):
    """The fields of a stored snapshot that are needed: decoding all of it takes longer."""

    snapshot: LiveUnit


_DECODER = msgspec.json.Decoder(_Stored)


def newest_units(execution_id: int) -> list[LiveUnit]:
    """The newest snapshot of each unit; none when Redis has none or does not answer."""
    try:
        with connect() as redis:
            values = redis.hvals(key(execution_id))
    except RedisUnreachableError:
        return []
    return [_DECODER.decode(value).snapshot for value in values]
