"""PostgreSQL through its own programs; the only module that starts pg_dump, pg_restore and psql.

They get the password by the environment, never as an argument, which every process of the machine could read.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any, BinaryIO, cast

import psycopg
from django.contrib.sessions.models import Session
from django.db import DEFAULT_DB_ALIAS, connection, transaction
from django.utils.translation import gettext as _

from backups.engines.base import Tools
from backups.exceptions import BackupError, BusyError
from backups.manifest import Manifest
from common.processes import die_with_parent

LOCK = 0x726F626F62616B
"""Number of the advisory lock of backups."""
CHUNK = 1 << 20
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR")
OPTIONS = {
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "options": "PGOPTIONS",
    "service": "PGSERVICE",
    "passfile": "PGPASSFILE",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "connect_timeout": "PGCONNECT_TIMEOUT",
}
KNOWS_TRANSACTION_TIMEOUT = 17
LEAVING = 25
LEAVING_SECONDS = 0.2
DROP_ALL = """
DO $do$
DECLARE found record;
BEGIN
  FOR found IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LOOP
    EXECUTE format('DROP TABLE IF EXISTS %I.%I CASCADE', current_schema(), found.tablename);
  END LOOP;
END $do$;
"""
OTHERS = """
SELECT coalesce(nullif(application_name, ''), usename), host(client_addr) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


class PgSnapshot:
    """A snapshot that this process's own connection has exported."""

    alias = DEFAULT_DB_ALIAS

    def __init__(self, number: str) -> None:
        self._number = number

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        command = [
            *(
                _tool("pg_dump"),
                "--format=custom",
                "--no-owner",
                "--no-privileges",
                "--no-password",
            ),
            *(f"--snapshot={self._number}", "--lock-wait-timeout=60000"),
            # Who was signed in then is not signed in again by a restore, nor by who finds the dump.
            f"--exclude-table-data={Session._meta.db_table}",  # noqa: SLF001
        ]
        with tempfile.TemporaryFile() as said:
            process = _start(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said)
            try:
                yield cast("BinaryIO", _Whole(process, said))
            finally:
                _end(process)


class _Whole:
    """The output of a program; its end is an error unless the program succeeded."""

    def __init__(self, process: subprocess.Popen[bytes], said: IO[bytes]) -> None:
        self._process = process
        self._said = said

    def read(self, size: int = -1) -> bytes:
        assert self._process.stdout is not None  # noqa: S101  it was asked for
        chunk = self._process.stdout.read(size)
        if not chunk and size and self._process.wait():
            raise BackupError(_failure("pg_dump", self._said))
        return chunk


class PostgreSQL:
    """The database of the settings."""

    name = "postgresql"

    def tools(self) -> Tools:
        server, client = _server(), _version(_tool("pg_dump"))
        if client < server:
            raise BackupError(_other_version("pg_dump", client, server))
        return Tools(server, f"pg_dump {client}")

    @contextmanager
    def lock(self) -> Iterator[None]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
            if not cursor.fetchone()[0]:
                raise BusyError(_("Another backup of this database is being made: wait for it."))
        try:
            yield
        finally:
            # The pool would hand the connection on with its lock.
            with suppress(Exception), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])

    @contextmanager
    def snapshot(self) -> Iterator[PgSnapshot]:
        # Open as long as pg_dump works, although no transaction should wait for a network: that is what a
        # snapshot of the database is.
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SELECT pg_export_snapshot()")
            yield PgSnapshot(cursor.fetchone()[0])

    def check_load(self, manifest: Manifest) -> None:
        server, client = _server(), _version(_tool("pg_restore"))
        _tool("psql")
        if manifest.server > server:
            words = {"dump": manifest.server, "server": server}
            raise BackupError(
                _(
                    "The backup is of PostgreSQL %(dump)d, this server is %(server)d: use a newer server."
                )
                % words
            )
        if client < manifest.server or server < KNOWS_TRANSACTION_TIMEOUT <= client:
            raise BackupError(_other_version("pg_restore", client, max(server, manifest.server)))
        if others := _others():
            message = _(
                "Others are connected to the database (%(others)s): stop server, stream, controller and "
                "workers first."
            )
            raise BackupError(message % {"others": ", ".join(others)})

    def load(self, source: BinaryIO, marker: str) -> None:
        """Drop and load are one transaction of psql, which ends by our last line alone.

        pg_restore writes the dump as SQL into the same pipe. Whoever is killed, this process too: psql comes
        to the end of its input without a COMMIT, and nothing has changed.
        """
        with tempfile.TemporaryFile() as said:
            reading, writing = os.pipe()
            with os.fdopen(reading, "rb") as script, os.fdopen(writing, "wb", buffering=0) as into:
                psql = _start(
                    [
                        _tool("psql"),
                        "--no-psqlrc",
                        "--quiet",
                        "--no-password",
                        "-v",
                        "ON_ERROR_STOP=1",
                    ],
                    stdin=script,
                    stdout=subprocess.DEVNULL,
                    stderr=said,
                )
                script.close()
                try:
                    into.write(f"BEGIN;\nSET LOCAL lock_timeout = '30s';\n{DROP_ALL}".encode())
                    _unpack(source, into, said)
                    into.write(f"\n{marker}\nCOMMIT;\n".encode())
                    into.close()
                    failed = psql.wait() != 0
                except BrokenPipeError:  # psql has given up, and says why
                    failed = True
                finally:
                    _end(psql)
            if failed:
                raise BackupError(_failure("psql", said))


def _unpack(source: BinaryIO, into: IO[bytes], said: IO[bytes]) -> None:
    """Let pg_restore write the dump as SQL (BackupError: it could not; BrokenPipeError: nobody reads)."""
    command = [_tool("pg_restore"), "--file=-", "--no-owner", "--no-privileges", "--no-comments"]
    with tempfile.TemporaryFile() as own:
        process = _start(command, stdin=subprocess.PIPE, stdout=into, stderr=own)
        try:
            assert process.stdin is not None  # noqa: S101  it was asked for
            with suppress(BrokenPipeError):  # its exit code says more
                while chunk := source.read(CHUNK):
                    process.stdin.write(chunk)
                process.stdin.close()
            if process.wait():
                _refuse_unless_psql(own, said)
        finally:
            _end(process)


def _refuse_unless_psql(own: IO[bytes], said: IO[bytes]) -> None:
    """When psql gave up, pg_restore only lost its reader: then the words of psql count."""
    if os.fstat(said.fileno()).st_size:
        raise BrokenPipeError
    raise BackupError(_failure("pg_restore", own))


def _start(command: list[str], **pipes: Any) -> subprocess.Popen[bytes]:
    # S603: the program is one of three, its arguments are ours.
    return subprocess.Popen(  # noqa: S603
        command,
        env=_environment(),
        preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509
        **pipes,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Whatever happened, it does not stay behind."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    if process.poll() is None:
        process.kill()
    process.wait()


def _environment() -> dict[str, str]:
    """What the programs need to find the database; nothing else of ours."""
    told = connection.settings_dict
    named = {
        "PGDATABASE": told["NAME"],
        "PGUSER": told["USER"],
        "PGPASSWORD": told["PASSWORD"],
        "PGHOST": told["HOST"],
        "PGPORT": str(told["PORT"]),
        "PGAPPNAME": "robotsim backup",
    }
    named |= {OPTIONS[key]: str(value) for key, value in told["OPTIONS"].items() if key in OPTIONS}
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return kept | {name: value for name, value in named.items() if value}


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        message = _(
            "%(name)s is not on PATH: install the client programs of PostgreSQL (Debian: "
            "postgresql-client), of the server's version or newer."
        )
        raise BackupError(message % {"name": name})
    return found


def _version(program: str) -> int:
    """Major version that a program says of itself."""
    run = subprocess.run(  # noqa: S603  found by its name above
        [program, "--version"], capture_output=True, text=True, check=False
    )
    found = re.search(r"\(PostgreSQL\) (\d+)", run.stdout)
    if found is None:
        raise BackupError(_("%(program)s does not run: install it anew.") % {"program": program})
    return int(found[1])


def _server() -> int:
    connection.ensure_connection()
    return int(connection.pg_version) // 10000  # type: ignore[attr-defined]


def _other_version(name: str, client: int, server: int) -> str:
    message = _(
        "%(name)s is of version %(client)d, the database of %(server)d: install postgresql-client-%(server)d."
    )
    return message % {"name": name, "client": client, "server": server}


def _others() -> list[str]:
    """Who else is connected, once those who are just leaving are gone.

    Asked outside of the pool, which opens connections as it likes: its own would be found too.
    """
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]
    told = connection.settings_dict
    names = {
        "dbname": "NAME",
        "user": "USER",
        "password": "PASSWORD",
        "host": "HOST",
        "port": "PORT",
    }
    place = {key: told[name] for key, name in names.items() if told[name]}
    options = {key: value for key, value in told["OPTIONS"].items() if key in OPTIONS}
    with psycopg.connect(**place, **options, autocommit=True) as own:
        for left in reversed(range(LEAVING)):
            found = own.execute(OTHERS).fetchall()
            if not found or not left:
                break
            time.sleep(LEAVING_SECONDS)
    return sorted({f"{name}@{address or 'local'}" for name, address in found})


def _failure(program: str, said: IO[bytes]) -> str:
    """The end of what a program said, in a sentence."""
    said.seek(max(0, os.fstat(said.fileno()).st_size - 2000))
    told = said.read().decode(errors="replace").strip()
    return _("%(program)s failed: %(told)s") % {"program": program, "told": told}
