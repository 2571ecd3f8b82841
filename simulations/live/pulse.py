"""When the units of many executions were heard, and how many of their snapshots came; one call of Redis."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from simulations import live

Place = tuple[int, int]
"""Stage run and unit."""


class _Said(msgspec.Struct, frozen=True):
    stage_run: int
    unit: int
    attempt: int
    sequence: int


class _Heard(msgspec.Struct, frozen=True):
    """Of `live.Heard` no more than is asked for: reading all of it takes ten times as long."""

    at: float
    snapshot: _Said


_DECODER = msgspec.json.Decoder(_Heard)


class Pulse(NamedTuple):
    """What is known of the units of an execution; counted as `live.beats` counts, for newest attempts."""

    at: dict[Place, float]
    received: int
    lost: int


def pulses(execution_ids: Iterable[int]) -> dict[int, Pulse]:
    """The pulse of each of these executions. Raises LiveAwayError."""
    wanted = list(execution_ids)
    if not wanted:
        return {}
    with live.line() as redis, redis.pipeline(transaction=False) as pipe:
        for pk in wanted:
            pipe.hvals(live.key(pk))
            pipe.hgetall(live.key(pk, "beats"))
        values = pipe.execute()
    told = zip(wanted, values[::2], values[1::2], strict=True)
    return {pk: _pulse(units, beats) for pk, units, beats in told}


def _pulse(units: list[bytes], beats: dict[bytes, bytes]) -> Pulse:
    at, received, lost = {}, 0, 0
    for value in units:
        heard = _DECODER.decode(value)
        said = heard.snapshot
        at[said.stage_run, said.unit] = heard.at
        beat = b"%d:%d:%d" % (said.stage_run, said.unit, said.attempt)
        came = int(beats.get(beat, 0))
        first = int(beats.get(beat + b":first", said.sequence))
        received += came
        lost += max(0, said.sequence - first + 1 - came) if came else 0
    return Pulse(at, received, lost)
