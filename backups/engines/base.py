"""The port to a database that is dumped and loaded."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from backups.manifest import Manifest


class Snapshot(Protocol):
    """The database at one instant. `alias`: where Django's queries see just this instant."""

    alias: str

    def open(self) -> AbstractContextManager[BinaryIO]:
        """The dump as a stream; leaving raises BackupError when it was not made to its end."""


@dataclass(frozen=True)
class Tools:
    """What makes the dump: major version of the server, and the program with its version."""

    server: int
    tool: str


class Engine(Protocol):
    """Each method raises BackupError with what to do."""

    name: str

    def tools(self) -> Tools:
        """Check that dumps can be made here."""

    def lock(self) -> AbstractContextManager[None]:
        """Be the only one that makes a backup of this database (BusyError)."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """An instant of the database."""

    def check_load(self, manifest: Manifest) -> None:
        """Refuse to load what this server or this machine's programs cannot, or while others work in it."""

    def load(self, source: BinaryIO, marker: str) -> None:
        """Put the dump in the place of all tables and run the SQL of `marker`, whole or not at all."""
