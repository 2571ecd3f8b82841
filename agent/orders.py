"""What the unit was told to do; told by the reporter's thread or a signal, obeyed by the others."""

import threading

SUPERSEDED = "superseded"


class Orders:
    """The commands received so far: they only ever go from wait to go to stop."""

    def __init__(self) -> None:
        self.halt = threading.Event()
        """Set: publish no more."""
        self.reason = ""
        self.refused = False
        """The server does not know this unit (any more): nothing it says will be taken."""
        self.release_ns = 0
        """The instant to start, on the server's clock; 0: not yet known."""
        self._changed = threading.Condition()

    @property
    def superseded(self) -> bool:
        """Whether a newer attempt has taken over."""
        return self.reason == SUPERSEDED

    def go(self, release_ns: int) -> None:
        """Start at that instant; the first word counts."""
        with self._changed:
            if not self.release_ns:
                self.release_ns = release_ns
            self._changed.notify_all()

    def stop(self, reason: str) -> None:
        """Publish no more. Being superseded outweighs any other reason, as it forbids the upload too."""
        with self._changed:
            if not self.halt.is_set() or reason == SUPERSEDED:
                self.reason = reason
            self.halt.set()
            self._changed.notify_all()

    def refuse(self, reason: str) -> None:
        """Stop because the server takes no word of this unit."""
        self.refused = True
        self.stop(reason)

    def wait(self, seconds: float) -> bool:
        """Sleep until there is a release or a stop; False when the time is over without either."""
        with self._changed:
            return self._changed.wait_for(
                lambda: bool(self.release_ns) or self.halt.is_set(), seconds
            )
