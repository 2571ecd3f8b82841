"""Draining: this process has received SIGTERM or Ctrl-C and begins no new work.

The handlers installed here call listeners and then the server's own handlers.
"""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT)
_draining = threading.Event()
_listeners: list[Callable[[], None]] = []
_previous: dict[int, Any] = {}


def is_draining() -> bool:
    """Return True when no new work should begin in this process."""
    return _draining.is_set()


def on_drain(listener: Callable[[], None]) -> None:
    """Register a listener; it is called in the main thread by a signal handler and must not block."""
    _listeners.append(listener)


def install_handlers() -> None:
    """Install handlers before the server's own; may be called again; ignored outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in SIGNALS:
        handler = signal.getsignal(number)
        if handler is not _handle:
            _previous[number] = handler
            signal.signal(number, _handle)


def _handle(number: int, frame: FrameType | None) -> None:
    _draining.set()
    for listener in _listeners:
        listener()
    previous = _previous.get(number)
    if callable(previous):
        previous(number, frame)
    elif previous == signal.SIG_DFL:  # no other handler: end as usual
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
