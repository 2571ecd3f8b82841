"""Commands to the unit, set by the reporter's thread or a signal and followed by the other threads."""

import threading

SUPERSEDED = "superseded"
TERMINATED = "terminated"
"""By SIGTERM, and not by the server."""


class Orders:
    """The commands received so far; they only change from wait to go to stop."""

    def __init__(self) -> None:
        self.halt = threading.Event()
        """Set when nothing more may be published."""
        self.reason = ""
        self.refused = False
        """The server no longer knows this unit and refuses all its reports."""
        self.release_ns = 0
        """Time of the start on the server's clock; 0: unknown."""
        self._changed = threading.Condition()

    @property
    def superseded(self) -> bool:
        """True when a newer attempt has taken over."""
        return self.reason == SUPERSEDED

    @property
    def terminated(self) -> bool:
        """True when a SIGTERM stopped the unit, and the server has not ordered a stop."""
        return self.reason == TERMINATED

    def go(self, release_ns: int) -> None:
        """Start at this time; later calls are ignored."""
        with self._changed:
            if not self.release_ns:
                self.release_ns = release_ns
            self._changed.notify_all()

    def stop(self, reason: str) -> None:
        """Stop publishing.

        The reason SUPERSEDED replaces any other, as it also forbids the upload; an order of the server
        replaces TERMINATED, as the end is then wanted.
        """
        with self._changed:
            if not self.halt.is_set() or reason == SUPERSEDED or self.terminated:
                self.reason = reason
            self.halt.set()
            self._changed.notify_all()

    def refuse(self, reason: str) -> None:
        """Stop because the server refuses the reports of this unit."""
        self.refused = True
        self.stop(reason)

    def wait(self, seconds: float) -> bool:
        """Wait for a release or a stop; return False when neither came within the time."""
        with self._changed:
            return self._changed.wait_for(
                lambda: bool(self.release_ns) or self.halt.is_set(), seconds
            )
