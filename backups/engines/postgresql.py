"""Dump and load of PostgreSQL by pg_dump, pg_restore and psql, which only this module starts.

They get the password from the environment, never as an argument, which every process of the machine can read.
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
"""Key of the advisory lock of backups."""
CHUNK = 1 << 20
INHERITED_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR")
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
TRANSACTION_TIMEOUT_SINCE = 17
MAX_DISCONNECT_POLLS = 25
DISCONNECT_POLL_SECONDS = 0.2
DROP_ALL = """
DO $do$
DECLARE entry record;
BEGIN
  FOR entry IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LOOP
    EXECUTE format('DROP TABLE IF EXISTS %I.%I CASCADE', current_schema(), entry.tablename);
  END LOOP;
END $do$;
"""
OTHER_CLIENTS = """
SELECT coalesce(nullif(application_name, ''), usename), host(client_addr) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


class PgSnapshot:
    """A snapshot exported by Django's own connection."""

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
            # A session must not become valid again by a restore, nor be usable by a reader of the dump.
            f"--exclude-table-data={Session._meta.db_table}",  # noqa: SLF001
        ]
        with tempfile.TemporaryFile() as stderr:
            process = _start(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr
            )
            try:
                yield cast("BinaryIO", _ProgramOutput(process, stderr))
            finally:
                _end(process)


class _ProgramOutput:
    """The output of a program; reading its end raises BackupError unless the program succeeded."""

    def __init__(self, process: subprocess.Popen[bytes], stderr: IO[bytes]) -> None:
        self._process = process
        self._stderr = stderr

    def read(self, size: int = -1) -> bytes:
        assert self._process.stdout is not None  # noqa: S101  opened as a pipe
        chunk = self._process.stdout.read(size)
        if not chunk and size and self._process.wait():
            raise BackupError(_failure("pg_dump", self._stderr))
        return chunk


class PostgreSQL:
    """The configured PostgreSQL database."""

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
            # The pool would hand out the connection with its lock.
            with suppress(Exception), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])

    @contextmanager
    def snapshot(self) -> Iterator[PgSnapshot]:
        # Open as long as pg_dump works, although no transaction should wait for a network: a snapshot of
        # the database requires it.
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SELECT pg_export_snapshot()")
            yield PgSnapshot(cursor.fetchone()[0])

    def check_load(self, manifest: Manifest) -> None:
        server, client = _server(), _version(_tool("pg_restore"))
        _tool("psql")
        if manifest.server > server:
            message = _(
                "The backup is of PostgreSQL %(dump)d, this server is %(server)d: use a newer server."
            )
            raise BackupError(message % {"dump": manifest.server, "server": server})
        if client < manifest.server or server < TRANSACTION_TIMEOUT_SINCE <= client:
            raise BackupError(_other_version("pg_restore", client, max(server, manifest.server)))
        if clients := _other_clients():
            message = _(
                "Other clients are connected to the database (%(clients)s): stop server, stream, "
                "controller and workers first."
            )
            raise BackupError(message % {"clients": ", ".join(clients)})

    def load(self, source: BinaryIO, marker: str) -> None:
        """Drop and load in one transaction of psql, committed by the last line written here.

        pg_restore writes the dump as SQL into the same pipe. Whichever process is killed, this one included,
        psql reaches the end of its input without a COMMIT, and nothing has changed.
        """
        with tempfile.TemporaryFile() as stderr:
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
                    stderr=stderr,
                )
                script.close()
                try:
                    into.write(f"BEGIN;\nSET LOCAL lock_timeout = '30s';\n{DROP_ALL}".encode())
                    _unpack(source, into, stderr)
                    into.write(f"\n{marker}\nCOMMIT;\n".encode())
                    into.close()
                    failed = psql.wait() != 0
                except BrokenPipeError:  # psql has exited; its output says why
                    failed = True
                finally:
                    _end(psql)
            if failed:
                raise BackupError(_failure("psql", stderr))


def _unpack(source: BinaryIO, into: IO[bytes], stderr: IO[bytes]) -> None:
    """Let pg_restore write the dump as SQL.

    Raises:
        BackupError: pg_restore failed.
        BrokenPipeError: psql has exited.
    """
    command = [_tool("pg_restore"), "--file=-", "--no-owner", "--no-privileges", "--no-comments"]
    with tempfile.TemporaryFile() as own_stderr:
        process = _start(command, stdin=subprocess.PIPE, stdout=into, stderr=own_stderr)
        try:
            assert process.stdin is not None  # noqa: S101  opened as a pipe
            with suppress(BrokenPipeError):  # the exit code is more informative
                while chunk := source.read(CHUNK):
                    process.stdin.write(chunk)
                process.stdin.close()
            if process.wait():
                _refuse_unless_psql(own_stderr, stderr)
        finally:
            _end(process)


def _refuse_unless_psql(own_stderr: IO[bytes], stderr: IO[bytes]) -> None:
    """Raise for a failed pg_restore; BrokenPipeError when it failed because psql had exited."""
    if os.fstat(stderr.fileno()).st_size:
        raise BrokenPipeError
    raise BackupError(_failure("pg_restore", own_stderr))


def _start(command: list[str], **pipes: Any) -> subprocess.Popen[bytes]:
    # S603: the program is one of three, its arguments are ours.
    return subprocess.Popen(  # noqa: S603
        command,
        env=_environment(),
        preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509
        **pipes,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close the pipes of a process and kill it if it still runs."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    if process.poll() is None:
        process.kill()
    process.wait()


def _environment() -> dict[str, str]:
    """Return the environment of the programs: the connection settings and no other secrets."""
    settings = connection.settings_dict
    variables = {
        "PGDATABASE": settings["NAME"],
        "PGUSER": settings["USER"],
        "PGPASSWORD": settings["PASSWORD"],
        "PGHOST": settings["HOST"],
        "PGPORT": str(settings["PORT"]),
        "PGAPPNAME": "robotsim backup",
    }
    options = settings["OPTIONS"]
    variables |= {OPTIONS[key]: str(value) for key, value in options.items() if key in OPTIONS}
    inherited = {name: os.environ[name] for name in INHERITED_VARIABLES if name in os.environ}
    return inherited | {name: value for name, value in variables.items() if value}


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        message = _(
            "%(name)s is not on PATH: install the client programs of PostgreSQL (Debian: "
            "postgresql-client), of the server's version or newer."
        )
        raise BackupError(message % {"name": name})
    return path


def _version(program: str) -> int:
    """Return the major version of a program."""
    run = subprocess.run(  # noqa: S603  found by its name above
        [program, "--version"], capture_output=True, text=True, check=False
    )
    match = re.search(r"\(PostgreSQL\) (\d+)", run.stdout)
    if match is None:
        raise BackupError(_("%(program)s does not run: reinstall it.") % {"program": program})
    return int(match[1])


def _server() -> int:
    connection.ensure_connection()
    return int(connection.pg_version) // 10000  # type: ignore[attr-defined]


def _other_version(name: str, client: int, server: int) -> str:
    message = _(
        "%(name)s has version %(client)d, the database %(server)d: install postgresql-client-%(server)d."
    )
    return message % {"name": name, "client": client, "server": server}


def _other_clients() -> list[str]:
    """List the other clients of the database, after waiting for those that are disconnecting.

    The query runs outside of the pool, whose own connections would be listed too.
    """
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]
    settings = connection.settings_dict
    names = {
        "dbname": "NAME",
        "user": "USER",
        "password": "PASSWORD",
        "host": "HOST",
        "port": "PORT",
    }
    place = {key: settings[name] for key, name in names.items() if settings[name]}
    options = {key: value for key, value in settings["OPTIONS"].items() if key in OPTIONS}
    with psycopg.connect(**place, **options, autocommit=True) as client:
        for remaining in reversed(range(MAX_DISCONNECT_POLLS)):
            clients = client.execute(OTHER_CLIENTS).fetchall()
            if not clients or not remaining:
                break
            time.sleep(DISCONNECT_POLL_SECONDS)
    return sorted({f"{name}@{address or 'local'}" for name, address in clients})


def _failure(program: str, stderr: IO[bytes]) -> str:
    """Return a message with the end of the error output of a program."""
    stderr.seek(max(0, os.fstat(stderr.fileno()).st_size - 2000))
    output = stderr.read().decode(errors="replace").strip()
    return _("%(program)s failed: %(output)s") % {"program": program, "output": output}
