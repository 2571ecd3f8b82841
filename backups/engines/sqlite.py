"""SQLite, the database of one machine: a consistent copy of its file."""

import fcntl
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, transaction
from django.utils.translation import gettext as _

from backups.engines.base import Tools
from backups.exceptions import BackupError, BusyError
from backups.manifest import Manifest

CHUNK = 1 << 20


class Copy:
    """A copy of the file. Writers wait until it is opened, so queries see the same state."""

    alias = DEFAULT_DB_ALIAS

    def __init__(self, path: Path, allow_writes: Callable[[], None]) -> None:
        self._path = path
        self._allow_writes = allow_writes

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        self._allow_writes()
        with self._path.open("rb") as file:
            yield file


class SQLite:
    """The configured SQLite file."""

    name = "sqlite"

    def tools(self) -> Tools:
        return Tools(3, f"sqlite {sqlite3.sqlite_version}")

    @contextmanager
    def lock(self) -> Iterator[None]:
        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        with (settings.DATA_DIR / "backup.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                message = _("Another backup of this database is being made: wait for it.")
                raise BusyError(message) from error
            yield

    @contextmanager
    def snapshot(self) -> Iterator[Copy]:
        folder = tempfile.TemporaryDirectory(dir=_file().parent, prefix=".backup-")
        with folder as name, ExitStack() as writing:
            writing.enter_context(transaction.atomic())  # begins at once, and keeps writers waiting
            path = Path(name) / "copy.sqlite3"
            _copy(_file(), path)
            yield Copy(path, writing.close)

    def check_load(self, manifest: Manifest) -> None:
        del manifest
        connection.close()
        with closing(sqlite3.connect(_file(), timeout=0)) as database:
            try:
                database.execute("PRAGMA locking_mode = EXCLUSIVE")
                database.execute("BEGIN EXCLUSIVE")
                database.execute("ROLLBACK")
            except sqlite3.OperationalError as error:
                message = _(
                    "The database is in use: stop `make run` and all other processes first."
                )
                raise BackupError(message) from error

    def load(self, source: BinaryIO, marker: str) -> None:
        """Check the copy beside the database, then put it in its place atomically."""
        target = _file()
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".restore-")
        path = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                while chunk := source.read(CHUNK):
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            _prepare(path, marker)
            connection.close()
            with closing(sqlite3.connect(target)) as old:  # its log must not meet the new file
                old.execute("PRAGMA journal_mode = DELETE")
            path.replace(target)
        finally:
            path.unlink(missing_ok=True)


def _prepare(path: Path, marker: str) -> None:
    try:
        with closing(sqlite3.connect(path)) as database:
            database.executescript(marker)
            verdict = database.execute("PRAGMA quick_check").fetchone()
            database.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.DatabaseError as error:
        raise BackupError(_("The backup is not an SQLite database: use another backup.")) from error
    if verdict != ("ok",):
        raise BackupError(_("The database in the backup is damaged: use another backup."))


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
        with suppress(sqlite3.OperationalError):  # not migrated that far
            copy.execute("DELETE FROM django_session")
        copy.commit()


def _file() -> Path:
    return Path(str(connection.settings_dict["NAME"]))
