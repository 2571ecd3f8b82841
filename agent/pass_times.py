"""How passes follow each other; the server forecasts by the same rules."""


def mean_interval(seconds: float, messages: int) -> float:
    """Return the mean time between two messages of a pass; 0 for a pass of one message."""
    return seconds / (messages - 1) if messages > 1 else 0.0


def replay_seconds(seconds: float, messages: int, passes: int, pass_gap: float) -> float:
    """Return the time from the first message of the first pass to the last message of the last.

    Between the last message of a pass and the first of the next lies the mean time between two messages, so
    that the bag's rhythm goes on, and `pass_gap` in addition.

    Args:
        seconds: Length of a pass at the rate, from its first message to its last; 0 when unpaced.
        messages: Messages of a pass.
        passes: Number of passes, at least 1.
        pass_gap: Seconds of real time.
    """
    return passes * seconds + (passes - 1) * (mean_interval(seconds, messages) + pass_gap)
