"""The port to a database that is dumped and loaded."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from backups.manifest import Manifest


class Snapshot(Protocol):
    """The database at one instant. `alias`: database alias whose queries see this instant."""

    alias: str

    def open(self) -> AbstractContextManager[BinaryIO]:
        """Open the dump as a stream; leaving raises BackupError when it is incomplete."""


@dataclass(frozen=True)
class Tools:
    """Major version of the server, and the program that dumps it, with its version."""

    server: int
    tool: str


class Engine(Protocol):
    """One kind of database. Methods raise BackupError with a message that says what to do."""

    name: str

    def tools(self) -> Tools:
        """Check that dumps can be made, and return what makes them."""

    def lock(self) -> AbstractContextManager[None]:
        """Hold the lock of backups of this database (BusyError)."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Take a snapshot of the database."""

    def check_load(self, manifest: Manifest) -> None:
        """Refuse a dump that this server or its programs cannot load, and a database that is in use."""

    def load(self, source: BinaryIO, marker: str) -> None:
        """Replace all tables by the dump and run the SQL of `marker`, atomically."""
