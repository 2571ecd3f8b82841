"""What the system stands on, and what is wrong with each part: database, migrations, Redis, storage.

Each question gives up after about two seconds, and a part is asked once at a time: who asks meanwhile gets
the same answer. So a server that hangs costs one thread, however often it is asked after.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from threading import Lock, Thread
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.cache import caches
from django.db import DatabaseError, InterfaceError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils.translation import gettext as _

from storage.objects import object_store

TIMEOUT_SECONDS = 2
OURS = frozenset({"accounts", "storage", "templates", "simulations"})
"""Whose migrations tell that the database is newer than the code."""
MOST_NAMED = 3


@dataclass(frozen=True)
class Found:
    """What is wrong with a part, and what to do; `error` is for the log. Nothing wrong: both are empty.

    `note` is what to know of a part that answers.
    """

    trouble: str = ""
    error: str = ""
    note: str = ""

    @property
    def answers(self) -> bool:
        return not self.trouble


class Question:
    """Asks after one part, in a thread of its own."""

    def __init__(self, ask: Callable[[], Found]) -> None:
        self._ask = ask
        self._lock = Lock()
        self._asked: Future[Found] | None = None

    def put(self) -> "Future[Found]":
        """The answer to come, of somebody else's question where one is under way."""
        with self._lock:
            if self._asked is None or self._asked.done():
                self._asked = Future()
                Thread(target=self._answer, args=(self._asked,), daemon=True).start()
            return self._asked

    def _answer(self, asked: "Future[Found]") -> None:
        try:
            asked.set_result(self._ask())
        except Exception as error:  # noqa: BLE001  one module each may know the parts' own exceptions
            asked.set_result(Found(_("It cannot be asked: see the log."), repr(error)))


def look(names: Iterable[str] | None = None) -> dict[str, Found]:
    """What is wrong with each part, or with those named, all asked at once."""
    asked = {name: QUESTIONS[name].put() for name in names or QUESTIONS}
    return {name: _in_time(answer) for name, answer in asked.items()}


def _in_time(answer: "Future[Found]") -> Found:
    try:
        return answer.result(TIMEOUT_SECONDS + 0.5)
    except TimeoutError:
        return Found(
            _("It does not answer in time: check that it runs and can be reached."), "timeout"
        )


def database() -> Found:
    """Ask the database on a connection of its own."""
    probe = fresh_connection()
    try:
        with probe.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError) as error:
        sentence = _("The database does not answer: check that it runs, and DATABASE_URL.")
        return Found(sentence, str(error).strip())
    finally:
        probe.close()
    return Found()


def migrations() -> Found:
    """Compare the migrations of the database with those of this code."""
    probe = fresh_connection()
    try:
        applied = set(MigrationRecorder(probe).applied_migrations())
    except (DatabaseError, InterfaceError) as error:
        return Found(_("Not known while the database does not answer."), str(error).strip())
    finally:
        probe.close()
    known = code_migrations()
    unapplied = [
        key
        for key, replaced in known.items()
        if key not in applied and not (replaced and replaced <= applied)
    ]
    if unapplied:
        sentence = _("Migrations are not applied (%(names)s): run manage.py migrate.")
        return Found(sentence % {"names": _named(unapplied)})
    newer = [key for key in applied if key[0] in OURS and key not in known]
    return _newer(newer) if newer else Found()


def _newer(keys: list[tuple[str, str]]) -> Found:
    """A newer database is taken only by code of which somebody has said that it works with it."""
    names = {"names": _named(keys)}
    if settings.DATABASE_MAY_BE_NEWER:
        sentence = _("The database is newer than this code (%(names)s): DATABASE_MAY_BE_NEWER.")
        return Found(note=sentence % names)
    sentence = _(
        "The database is newer than this code (%(names)s): deploy the newer version, or set "
        "DATABASE_MAY_BE_NEWER=true where this code is one version older."
    )
    return Found(sentence % names)


def redis() -> Found:
    """Ask Redis."""
    try:
        caches["health"].get("health")
    except Exception as error:  # noqa: BLE001  only one module may know Redis's own exceptions
        return Found(_("Redis does not answer: check that it runs, and REDIS_URL."), str(error))
    return Found()


def storage() -> Found:
    """Ask the S3 server, or look at the folder in its place."""
    trouble = object_store().trouble()
    return Found(trouble, trouble)


QUESTIONS = {
    "database": Question(database),
    "migrations": Question(migrations),
    "redis": Question(redis),
    "storage": Question(storage),
}


def fresh_connection() -> BaseDatabaseWrapper:
    """A connection beside the pool, which would wait long; and a busy pool is not an outage."""
    probe = connection.copy()
    probe.settings_dict["OPTIONS"] = probe_options(
        connection.vendor, probe.settings_dict["OPTIONS"]
    )
    return probe


def unpooled(of: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    """A connection to the same database beside the pool, with the usual limits; whoever asks closes it."""
    own = of.copy()
    own.settings_dict["OPTIONS"] = {
        name: value for name, value in own.settings_dict["OPTIONS"].items() if name != "pool"
    }
    return own


def probe_options(vendor: str, options: dict[str, Any]) -> dict[str, Any]:
    """Take the options of a connection and shorten every wait."""
    if vendor == "sqlite":
        return {"timeout": TIMEOUT_SECONDS}
    milliseconds = TIMEOUT_SECONDS * 1000
    kept = {name: value for name, value in options.items() if name != "pool"}
    limits = f"-c statement_timeout={milliseconds}"
    return {
        **kept,
        "connect_timeout": TIMEOUT_SECONDS,
        "tcp_user_timeout": milliseconds,
        "options": f"{kept.get('options', '')} {limits}".strip(),
    }


def places() -> dict[str, str]:
    """Where each part is looked for, without passwords."""
    database = connection.settings_dict
    host = f"{database['HOST']}:{database['PORT'] or 5432}/" if database.get("HOST") else ""
    at = urlsplit(settings.REDIS_URL)
    return {
        "database": f"{host}{database['NAME']}",
        "migrations": f"{host}{database['NAME']}",
        "redis": f"{at.netloc.rpartition('@')[2]}{at.path}",
        "storage": settings.MINIO_ENDPOINT or str(settings.STORAGE_DIR),
    }


@cache
def code_migrations() -> dict[tuple[str, str], frozenset[tuple[str, str]]]:
    """Each migration of the code, with those that it replaces."""
    found = MigrationLoader(None).disk_migrations
    return {key: frozenset(each.replaces) for key, each in sorted(found.items())}


def _named(keys: list[tuple[str, str]]) -> str:
    names = [".".join(key) for key in sorted(keys, key=lambda key: (key[0] not in OURS, key))]
    more = f", and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
