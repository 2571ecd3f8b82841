"""Early pytest plugin: starts real servers for the tests, and removes them afterwards.

It is loaded before pytest-django reads the settings. The first process of a run makes a private folder and
owns the servers; workers of pytest-xdist inherit the addresses, and use a database and a Redis number of
their own. PostgreSQL and S3 start when a test first asks for them; with xdist they start before the workers.

`ROBOTSIM_TEST_DATABASE=sqlite` runs the same tests on SQLite, `ROBOTSIM_TEST_STORAGE=minio` on MinIO instead
of SeaweedFS. Tests that stand on S3 have the mark `s3`, by what they ask for.
"""

import atexit
import fcntl
import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from launcher.redis_server import RedisUnavailableError
from tests.support.minio import s3_server
from tests.support.s3 import S3
from tests.support.servers import PostgreSQL, Redis, open_to_all

_FOLDER = "ROBOTSIM_TEST_FOLDER"
_S3 = "ROBOTSIM_TEST_S3"
_PREFIX = "robotsim-tests-"
_DATABASES = 256


class Services:
    """The servers of this run; only the process that created the folder starts and ends them."""

    def __init__(self, folder: Path, *, owner: bool) -> None:
        self._lock = (folder / "lock").open("w")  # first, or the folder would not be swept
        if owner:
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.owner = owner
        self.folder = folder
        self._pid = os.getpid()
        self.redis = Redis(folder / "redis", _DATABASES)
        self.redis_problem = ""
        self.postgres = None if on_sqlite() else PostgreSQL(folder / "pg")
        self.s3 = s3_server(storage(), folder / "s3")

    def start_redis(self) -> None:
        """Start Redis; if it is not installed, the tests that need it fail with a message."""
        try:
            self.redis.start()
        except RedisUnavailableError as error:
            self.redis_problem = str(error)

    def start_database(self) -> None:
        """Start the database server, unless it is running or not needed."""
        if self.owner and self.postgres is not None:
            self.postgres.start()

    def start_s3(self) -> None:
        """Start S3 without waiting; workers find it through the environment."""
        if self.owner:
            self.s3.start()
            os.environ[_S3] = self.s3.address

    def stop(self) -> None:
        """End all servers and remove the folder."""
        if self.owner and os.getpid() == self._pid:  # not in a fork
            self.s3.stop()
            self.redis.stop()
            if self.postgres is not None:
                self.postgres.stop()
            shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()


def on_sqlite() -> bool:
    return os.environ.get("ROBOTSIM_TEST_DATABASE", "postgresql") == "sqlite"


def storage() -> str:
    """Return the configured S3 server."""
    return os.environ.get("ROBOTSIM_TEST_STORAGE", "seaweedfs")


def temporary_root() -> Path:
    """Create a folder that the database's user may enter, with a path short enough for sockets."""
    places = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]  # noqa: S108
    for place in places:
        if open_to_all(place) and len(str(place)) < 40:
            return place
    return places[0]


def sweep(root: Path) -> None:
    """Remove folders of killed runs, whose locks are free."""
    for folder in root.glob(f"{_PREFIX}*"):
        try:
            with (folder / "lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                S3(folder / "s3").remove_sockets()
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue


def prepare() -> Services:
    """Set the addresses of the servers in the environment, before the settings are read."""
    inherited = os.environ.get(_FOLDER)
    if inherited is None:
        root = temporary_root()
        sweep(root)
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
        folder.chmod(0o711)  # the database's user passes through
    else:
        folder = Path(inherited)
    # A process that compiles all sources anew takes a quarter longer to start, and hundreds are started.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    services = Services(folder, owner=inherited is None)
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    data = folder / f"data-{worker or 'main'}"
    data.mkdir(exist_ok=True, mode=0o700)
    database = f"sqlite:///{data}/robotsim.sqlite3"
    if services.postgres is not None:
        database = services.postgres.url
    number = int(worker.removeprefix("gw")) + 1 if worker else 0
    os.environ.update(
        {
            _FOLDER: str(folder),
            "ENVIRONMENT": "test",
            "DATA_DIR": str(data),
            "DATABASE_URL": database,
            "REDIS_URL": services.redis.url(number % _DATABASES),
            "MINIO_ENDPOINT": "",
        }
    )
    return services


SERVICES = prepare()
# Also when pytest gives up before it has begun, for example over settings that cannot be read.
atexit.register(SERVICES.stop)


def pytest_configure(config: pytest.Config) -> None:
    """Start everything here with xdist, as a worker could not start it for the others."""
    if SERVICES.owner and not config.option.help and not config.option.version:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends like Ctrl-C
        SERVICES.start_redis()
        if getattr(config.option, "dist", "no") != "no":
            SERVICES.start_database()
            SERVICES.start_s3()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that use S3, before tests are selected by their marks."""
    for item in items:
        if "s3_settings" in getattr(item, "fixturenames", ()):
            item.add_marker("s3")


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> None:
    """Start the database server when the first test requests the database."""
    if fixturedef.argname == "django_db_setup":
        SERVICES.start_database()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    SERVICES.stop()


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Keep the language that a request activates from leaking into the next test."""
    from django.utils import translation  # noqa: PLC0415  settings must be set up by now

    with translation.override("en"):
        yield


@pytest.fixture
def empty_redis() -> Iterator[None]:
    """Empty the Redis database of this worker; other workers use other numbers."""
    from django.core.cache import cache  # noqa: PLC0415  settings must be set up by now

    if SERVICES.redis_problem:
        pytest.fail(SERVICES.redis_problem)
    client = cache.client.get_client(write=True)
    client.flushdb()
    yield
    client.flushdb()


@pytest.fixture(scope="session")
def s3_models() -> None:
    """Let boto3 read its description of S3 once, not for each client, which takes half a second."""
    import botocore.session  # noqa: PLC0415  not where no test asks for S3

    botocore.session.create_loader = cache(botocore.session.create_loader)  # type: ignore[attr-defined]


@pytest.fixture
def s3_settings(settings: Any, s3_models: None) -> Iterator[Any]:
    """Settings for a real S3 server with a new bucket and a new storage client."""
    from robotsim_project.content_policy import content_policy  # noqa: PLC0415  not so early
    from storage.objects import object_store  # noqa: PLC0415  settings must be set up by now

    SERVICES.start_s3()
    endpoint, access_key, secret_key = os.environ[_S3].split()
    SERVICES.s3.wait(endpoint)
    settings.MINIO_ENDPOINT = endpoint
    settings.MINIO_PUBLIC_ENDPOINT = endpoint
    settings.MINIO_ACCESS_KEY = access_key
    settings.MINIO_SECRET_KEY = secret_key
    settings.MINIO_USE_SSL = False
    settings.CONTENT_SECURITY_POLICY = content_policy(endpoint, use_ssl=False)
    settings.MINIO_BUCKET = f"test-{uuid.uuid4().hex}"
    object_store.cache_clear()
    yield settings
    object_store.cache_clear()


@pytest.fixture
def process_environment() -> dict[str, str]:
    """Environment for a process that shares this test's database, Redis and data folder."""
    from django.db import connection  # noqa: PLC0415  settings must be set up by now

    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        url = f"sqlite:///{name}"
    else:
        url = os.environ["DATABASE_URL"].rsplit("/", 1)[0] + f"/{name}"
    return {**os.environ, "DATABASE_URL": url}
