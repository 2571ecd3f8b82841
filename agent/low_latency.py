"""Measures that keep the interpreter and the system from delaying the player."""

import contextlib
import gc
import sys
import threading
from collections.abc import Iterator

SWITCH_INTERVAL_SECONDS = 0.0001


@contextlib.contextmanager
def low_latency() -> Iterator[None]:
    """Keep the interpreter from delaying the player.

    The garbage collector stops all threads while it traverses all objects, which takes many milliseconds
    with a loaded bag. So existing objects are frozen, and the reporter collects the few later ones from time
    to time. The short switch interval limits the time for which another thread may hold the GIL when the
    player wakes.
    """
    interval = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
        sys.setswitchinterval(interval)


def reduce_timer_slack() -> None:
    """Set the timer slack of this thread to 1 µs instead of the usual 50 µs."""
    path = f"/proc/{threading.get_native_id()}/timerslack_ns"
    # On other systems, or without permission, sleeps are a little less exact.
    with contextlib.suppress(OSError), open(path, "w", encoding="ascii") as slack:
        slack.write("1000")
