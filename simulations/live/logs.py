"""The end of each unit's log while it runs."""

import msgspec

from agent.protocol import Snapshot
from simulations.exceptions import RedisUnreachableError
from simulations.live.connection import KEEP_SECONDS, connect, key

MAX_CHARACTERS = 16_384
"""Characters of a unit's log that are stored."""


class _Log(msgspec.Struct, frozen=True):
    attempt: int = 0
    end: int = 0
    text: str = ""


_DECODER = msgspec.json.Decoder(_Log)


def append(execution_id: int, snapshot: Snapshot) -> None:
    """Append the log lines of a snapshot; lines that were sent twice are stored once.

    Raises:
        RedisUnreachableError: Redis does not answer.
    """
    if not snapshot.log:
        return
    name, field = key(execution_id, "logs"), f"{snapshot.stage_run}:{snapshot.unit}"
    with connect() as redis:
        value = redis.hget(name, field)
        log = _Log() if value is None else _DECODER.decode(value)
        if log.attempt != snapshot.attempt:
            log = _Log(attempt=snapshot.attempt)
        new_text = snapshot.log[max(0, log.end - snapshot.log_offset) :]
        end = max(log.end, snapshot.log_offset + len(snapshot.log))
        text = (log.text + new_text)[-MAX_CHARACTERS:]
        redis.hset(name, field, msgspec.json.encode(_Log(snapshot.attempt, end, text)))
        redis.expire(name, KEEP_SECONDS)


def tail(execution_id: int, stage_run_id: int, unit: int) -> str:
    """The end of a unit's log; empty when Redis has none or does not answer."""
    try:
        with connect() as redis:
            value = redis.hget(key(execution_id, "logs"), f"{stage_run_id}:{unit}")
    except RedisUnreachableError:
        return ""
    return "" if value is None else _DECODER.decode(value).text
