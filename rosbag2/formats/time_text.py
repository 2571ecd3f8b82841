"""Times and durations as people read them."""

from datetime import UTC, datetime

# Before and after these a clock was not set, and a time counts from its start.
_EARLIEST = int(datetime(1980, 1, 1, tzinfo=UTC).timestamp())
_LATEST = int(datetime(2200, 1, 1, tzinfo=UTC).timestamp())


def time_text(time_ns: int, digits: int = 3) -> str:
    """A recorded time: a date if the clock was set, else seconds; with so many decimals."""
    seconds, rest = divmod(time_ns, 10**9)
    if not _EARLIEST <= seconds < _LATEST:
        return duration_text(time_ns, digits)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{rest // 10 ** (9 - digits):0{digits}} UTC"


def duration_text(duration_ns: int, digits: int = 3) -> str:
    """Seconds, with so many decimals."""
    sign = "-" if duration_ns < 0 else ""
    seconds, rest = divmod(abs(duration_ns), 10**9)
    return f"{sign}{seconds}.{rest // 10 ** (9 - digits):0{digits}} s"
