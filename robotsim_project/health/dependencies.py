"""Checks of the dependencies: database, migrations, Redis, storage, and whether each has room on its disk.

Each check gives up after about two seconds and runs once at a time; concurrent callers share its result. So a
server that hangs costs one thread, however often it is checked.
"""

from collections.abc import Iterable
from functools import cache
from tempfile import gettempdir
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.cache import caches
from django.db import DatabaseError, InterfaceError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils.translation import gettext as _

from common import disks, outages
from robotsim_project.health.checks import TIMEOUT_SECONDS, Check, CheckResult, Observation
from storage.objects import object_store
from storage.objects.base import StoreFullError

OWN_APPS = frozenset({"accounts", "storage", "templates", "simulations"})
"""Apps whose unknown migrations mean that the database is newer than the code."""
MAX_NAMED = 3
SPILLED_ROWS = 50_000
"""Some 700 kB, which do not fit into the smallest memory that PostgreSQL gives a query."""


def check(names: Iterable[str] | None = None) -> dict[str, CheckResult]:
    """Check all dependencies, or the named ones, at the same time."""
    checks = {name: CHECKS[name] for name in names or CHECKS}
    for one in checks.values():
        one.start()
    return {name: one.result() for name, one in checks.items()}


def latest(max_age: float) -> dict[str, Observation]:
    """Return the newest observation of each dependency; see `Check.latest`."""
    for one in CHECKS.values():
        if one.observation is None:
            one.start()  # all at the same time
    return {name: one.latest(max_age) for name, one in CHECKS.items()}


def check_database() -> CheckResult:
    """Query the database on a separate connection, and check that it has room."""
    probe = probe_connection()
    try:
        with probe.cursor() as cursor:
            cursor.execute("SELECT 1")
            if probe.vendor == "postgresql":
                _fill_temporary_file(cursor)
    except (DatabaseError, InterfaceError) as error:
        return _full_database(error) or CheckResult(
            _("The database does not answer: check that it runs, and DATABASE_URL."),
            str(error).strip(),
        )
    finally:
        probe.close()
    return _full_database() or CheckResult()


def _fill_temporary_file(cursor: Any) -> None:
    """Have the server write to its disk, without a table or a log: a result larger than its memory.

    Raises:
        DatabaseError: The disk is full, or the server went away.
    """
    try:
        cursor.execute("SET work_mem = '64kB'")
        cursor.execute("SELECT count(*) FROM generate_series(1, %s)", [SPILLED_ROWS])
    except DatabaseError as error:
        if disks.is_full(error) or not cursor.db.is_usable():
            raise  # else it is a limit on temporary files


def _full_database(error: Exception | None = None) -> CheckResult | None:
    if not outages.is_database_full(error):
        return None
    message = _("The disk of the database is full: free some space there.")
    return CheckResult(message, str(error or "").strip(), full=True)


def check_migrations() -> CheckResult:
    """Compare the migrations of the database with those of this code."""
    probe = probe_connection()
    try:
        applied = set(MigrationRecorder(probe).applied_migrations())
    except (DatabaseError, InterfaceError) as error:
        return CheckResult(_("Unknown while the database does not answer."), str(error).strip())
    finally:
        probe.close()
    available = code_migrations()
    unapplied = [
        key
        for key, replaced in available.items()
        if key not in applied and not (replaced and replaced <= applied)
    ]
    if unapplied:
        message = _("Migrations are not applied (%(names)s): run manage.py migrate.")
        return CheckResult(message % {"names": _join_names(unapplied)})
    newer = [key for key in applied if key[0] in OWN_APPS and key not in available]
    return _newer_database(newer) if newer else CheckResult()


def _newer_database(keys: list[tuple[str, str]]) -> CheckResult:
    """Accept a newer database only if the setting says that this code works with it."""
    names = {"names": _join_names(keys)}
    if settings.DATABASE_MAY_BE_NEWER:
        message = _("The database is newer than this code (%(names)s): DATABASE_MAY_BE_NEWER.")
        return CheckResult(note=message % names)
    message = _(
        "The database is newer than this code (%(names)s): deploy the newer version, or set "
        "DATABASE_MAY_BE_NEWER=true where this code is one version older."
    )
    return CheckResult(message % names)


def check_redis() -> CheckResult:
    """Write a key to Redis, which refuses it while its disk is full."""
    try:
        caches["health"].set("health", 1, TIMEOUT_SECONDS)
    except Exception as error:  # noqa: BLE001  Redis's exceptions are known to one module only
        if disks.is_full(error):
            message = _("Redis is full: free some space on its disk, or give it more memory.")
            return CheckResult(message, str(error), full=True)
        return CheckResult(
            _("Redis does not answer: check that it runs, and REDIS_URL."), str(error)
        )
    return CheckResult()


def check_storage() -> CheckResult:
    """Check the S3 server, or the folder that is used instead."""
    problem = object_store().find_problem()
    if problem is None:
        return CheckResult()
    return CheckResult(str(problem), str(problem), full=isinstance(problem, StoreFullError))


def check_disk() -> CheckResult:
    """Check that the folders of this machine have room: those of work, and of bodies of requests."""
    full = disks.full_folders()
    if not full:
        return CheckResult()
    message = _("The disk of %(folders)s is full: free some space there.")
    return CheckResult(message % {"folders": ", ".join(full)}, full=True)


CHECKS = {
    "database": Check(check_database),
    "migrations": Check(check_migrations),
    "redis": Check(check_redis),
    "storage": Check(check_storage),
    "disk": Check(check_disk),
}


def probe_connection() -> BaseDatabaseWrapper:
    """Return a connection outside the pool, which would wait long; and a busy pool is not an outage."""
    probe = connection.copy()
    probe.settings_dict["OPTIONS"] = probe_options(
        connection.vendor, probe.settings_dict["OPTIONS"]
    )
    return probe


def unpooled_connection(source: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    """Return a connection to the same database outside the pool; the caller closes it."""
    unpooled = source.copy()
    options = unpooled.settings_dict["OPTIONS"]
    unpooled.settings_dict["OPTIONS"] = {
        name: value for name, value in options.items() if name != "pool"
    }
    return unpooled


def probe_options(vendor: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a connection with a short limit for every wait."""
    if vendor == "sqlite":
        return {"timeout": TIMEOUT_SECONDS}
    milliseconds = TIMEOUT_SECONDS * 1000
    unpooled = {name: value for name, value in options.items() if name != "pool"}
    limits = f"-c statement_timeout={milliseconds}"
    return {
        **unpooled,
        "connect_timeout": TIMEOUT_SECONDS,
        "tcp_user_timeout": milliseconds,
        "options": f"{unpooled.get('options', '')} {limits}".strip(),
    }


def addresses() -> dict[str, str]:
    """Return the address of each dependency, without passwords."""
    database = connection.settings_dict
    host = f"{database['HOST']}:{database['PORT'] or 5432}/" if database.get("HOST") else ""
    redis = urlsplit(settings.REDIS_URL)
    return {
        "database": f"{host}{database['NAME']}",
        "migrations": f"{host}{database['NAME']}",
        "redis": f"{redis.netloc.rpartition('@')[2]}{redis.path}",
        "storage": settings.MINIO_ENDPOINT or str(settings.STORAGE_DIR),
        "disk": f"{settings.DATA_DIR}, {gettempdir()}",
    }


@cache
def code_migrations() -> dict[tuple[str, str], frozenset[tuple[str, str]]]:
    """Return the migrations of the code, each with those that it replaces."""
    migrations = MigrationLoader(None).disk_migrations
    return {key: frozenset(item.replaces) for key, item in sorted(migrations.items())}


def _join_names(keys: list[tuple[str, str]]) -> str:
    names = [".".join(key) for key in sorted(keys, key=lambda key: (key[0] not in OWN_APPS, key))]
    more = f", and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more
