"""Whether this process was told to end (SIGTERM, Ctrl-C), and who wants to hear of it.

The servers have handlers of their own, which are called after ours.
"""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT)
_began = threading.Event()
_listeners: list[Callable[[], None]] = []
_before: dict[int, Any] = {}


def began() -> bool:
    """Whether no new work is to be begun here."""
    return _began.is_set()


def when_begun(listener: Callable[[], None]) -> None:
    """Have a listener called, in the main thread and within a signal: it must not wait."""
    _listeners.append(listener)


def listen() -> None:
    """Hear the signals before the server's own handlers do; may be called again, from the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in SIGNALS:
        handler = signal.getsignal(number)
        if handler is not _heard:
            _before[number] = handler
            signal.signal(number, _heard)


def _heard(number: int, frame: FrameType | None) -> None:
    _began.set()
    for listener in _listeners:
        listener()
    before = _before.get(number)
    if callable(before):
        before(number, frame)
    elif before == signal.SIG_DFL:  # nobody else listens: end as without us
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
