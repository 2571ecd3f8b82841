"""Since when units can be heard: silence before that proves nothing.

Each second a controller sends an echo along the path of heartbeats: through the server, the database and
Redis. Each echo that arrives keeps a key in Redis alive, and the first one sets its value: the time since
which every heartbeat could have been received. If anything on the path is frozen, gone or emptied, or no
controller runs, or the machine sleeps, the key expires or is missing, and the next echo begins anew.
"""

from simulations.live.connection import connect

ECHO_SECONDS = 1.0
"""Pause between two echoes of a controller."""
GAP_SECONDS = 5.0
"""Longest gap between two echoes that goes unnoticed."""
KEY = "robotsim:live:heard_since"
_RECORD = """
redis.replicate_commands()
local now = redis.call('TIME')
redis.call('SET', KEYS[1], string.format('%d.%06d', now[1], now[2]), 'NX')
redis.call('PEXPIRE', KEYS[1], ARGV[1])
"""
"""Takes the time from Redis, which carries out at its thaw what it was sent while it was frozen."""


def record_echo() -> None:
    """Record that a heartbeat could have been received now.

    Raises:
        RedisUnreachableError: Redis does not answer.
    """
    with connect() as redis:
        redis.eval(_RECORD, 1, KEY, round(GAP_SECONDS * 1000))


def heard_since() -> float | None:
    """Time since which all heartbeats could be received, but for gaps of `GAP_SECONDS`.

    Returns:
        Seconds since the epoch; None while heartbeats cannot be received, or nobody has tried.

    Raises:
        RedisUnreachableError: Redis does not answer.
    """
    with connect() as redis:
        value = redis.get(KEY)
    return None if value is None else float(value)
