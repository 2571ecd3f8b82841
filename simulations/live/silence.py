"""The time from which the silence of units counts."""

from django.utils import timezone

from simulations.live.connection import SILENCE_KEY, connect


def counted_since() -> float:
    """Time since which Redis has received heartbeats without a gap; the first call sets it.

    Returns:
        Seconds since the epoch.

    Raises:
        RedisUnreachableError: Redis does not answer.
    """
    now = timezone.now().timestamp()
    with connect() as redis:
        redis.set(SILENCE_KEY, now, nx=True)
        return float(redis.get(SILENCE_KEY) or now)


def reset() -> None:
    """Count silence from now: until now heartbeats could not be received.

    Raises:
        RedisUnreachableError: Redis does not answer.
    """
    with connect() as redis:
        redis.set(SILENCE_KEY, timezone.now().timestamp())
