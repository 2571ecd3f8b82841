"""The `run` blocks and the `.env` of the install guide, run as printed in a fresh copy of the project.

Only what a machine of tests must have otherwise is replaced: the port of the server, `python` and `uvicorn` by those
of this environment, and in `.env` the addresses of the servers.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from robotsim_project.environment import BASE_DIR
from robotsim_project.tests import guide
from robotsim_project.tests.s3 import free_ports, serves_http
from robotsim_project.tests.test_install_guide import MAPPED
from robotsim_project.tests.world import World, a_world, until

ROOMS = ("robotsim_project", "simulations", "templates", "storage", "accounts", "agent", "rosbag2")
SERVERS = ("uvicorn ", "python manage.py run_controller", "python manage.py run_worker")
"""They run until they are ended."""
MADE_BY = {
    "python manage.py ensure_admin you@example.com": r"you@example\.com.*\S{12}",
    "python manage.py showmigrations": r"\[X\] 0001_initial",
    "python manage.py showmigrations --plan": r"\[X\]  storage\.0001_initial",
    "python manage.py sqlmigrate storage 0001": r"CREATE TABLE",
}
"""What commands print, where something has to come."""
READ = """
import json, os
os.environ["DJANGO_SETTINGS_MODULE"] = "robotsim_project.settings"
from django.conf import settings
database = settings.DATABASES["default"]
names = ["REDIS_URL", "MINIO_ENDPOINT", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY", "MINIO_BUCKET",
         "MINIO_USE_SSL", "API_STR"]
print(json.dumps({name: getattr(settings, name) for name in names}
    | {name: database[name] for name in ("USER", "PASSWORD", "HOST", "PORT", "NAME")}
    | {"algorithm": settings.SIMPLE_JWT["ALGORITHM"],
       "minutes": settings.SIMPLE_JWT["ACCESS_TOKEN_LIFETIME"].total_seconds() / 60,
       "key": settings.SECRET_KEY}))
"""


@dataclass
class Reader:
    """Somebody who follows the guide: a folder with the project, a shell with nothing set."""

    folder: Path
    port: int
    environment: dict[str, str]

    def write_env(self, **instead: str) -> None:
        """The guide's `.env`, with other values for these names."""
        (block,) = [block for block in guide.blocks() if block.kind == "env"]
        text = block.text
        for name, value in instead.items():
            text, count = re.subn(
                rf"^{name}=.*$", lambda _, told=f"{name}={value}": told, text, flags=re.M
            )
            assert count == 1, name
        (self.folder / ".env").write_text(text)

    def here(self, command: str) -> str:
        """A command with this test's port."""
        return re.sub(r"\b8000\b", str(self.port), command)

    def run(self, command: str) -> str:
        """What a command prints; it must succeed."""
        done = subprocess.run(
            ["bash", "-c", self.here(command)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @contextmanager
    def started(self, *commands: str) -> Iterator[list[subprocess.Popen[bytes]]]:
        """Commands as they run in terminals of their own, ended by Ctrl-C."""
        running: list[subprocess.Popen[bytes]] = []
        with (self.folder / "log").open("ab") as log:
            try:
                for command in commands:
                    words = guide.words(self.here(command))
                    running.append(
                        subprocess.Popen(
                            words,
                            cwd=self.folder,
                            env=self.environment,
                            stdin=subprocess.DEVNULL,
                            stdout=log,
                            stderr=log,
                            start_new_session=True,
                        )
                    )
                yield running
            finally:
                for process in running:
                    end(process)

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-4000:]

    def serves(self) -> bool:
        return serves_http(f"http://127.0.0.1:{self.port}/")


def end(process: subprocess.Popen[bytes]) -> None:
    """Ctrl-C in its terminal; what it has started goes with it."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with a_world() as world:
        world.postgres.start()
        world.redis.start()
        world.start_s3()
        yield world


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    folder = tmp_path_factory.mktemp("guide") / "robotsim"
    folder.mkdir()
    unneeded = shutil.ignore_patterns("tests", "__pycache__", "data", "staticfiles")
    for room in ROOMS:
        shutil.copytree(BASE_DIR / room, folder / room, ignore=unneeded)
    for name in ("manage.py", ".version"):
        shutil.copy(BASE_DIR / name, folder / name)
    kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return Reader(folder, free_ports(1)[0], {**kept, "PATH": path})


@pytest.fixture(scope="module")
def followed(reader: Reader, world: World) -> Iterator[dict[str, str]]:
    """What each command of the `run` blocks printed, all of them run in their order."""
    reader.write_env(
        DATABASE_URL=world.postgres.url.replace("postgresql://", "postgresql+asyncpg://"),
        REDIS_URL=world.redis.url(0),
        MINIO_ENDPOINT=world.s3.endpoint,
        MINIO_ACCESS_KEY=world.s3.access_key,
        MINIO_SECRET_KEY=world.s3.secret_key,
    )
    printed: dict[str, str] = {}
    commands = [each for each in guide.commands("run") if each not in MAPPED]
    first = next(index for index, each in enumerate(commands) if each.startswith(SERVERS))
    lasting = [each for each in commands if each.startswith(SERVERS)]
    printed |= {each: reader.run(each) for each in commands[:first]}
    with reader.started(*lasting) as running:
        until(lambda: reader.serves() or running[0].poll() is not None, reader.log)
        printed |= {
            each: reader.run(each) for each in commands[first:] if each not in lasting + [*printed]
        }
        assert [process.poll() for process in running] == [None] * len(lasting), reader.log()
    assert [process.returncode for process in running] == [0] * len(lasting), reader.log()
    yield printed


def test_the_settings_load_with_exactly_the_printed_file(reader: Reader, tmp_path: Path) -> None:
    with (tmp_path / "read.py").open("w") as file:
        file.write(READ)
    reader.write_env()
    told = json.loads(
        reader.run(f"PYTHONPATH={reader.folder} python {tmp_path / 'read.py'}").splitlines()[-1]
    )
    assert told.pop("key") != "your-secret-key-here"
    assert told == {
        **{"USER": "postgres", "PASSWORD": "password", "HOST": "localhost", "PORT": 5432},
        **{"NAME": "robotdb", "REDIS_URL": "redis://localhost:6379/0"},
        **{"MINIO_ENDPOINT": "localhost:9000", "MINIO_BUCKET": "robot-sim"},
        **{"MINIO_ACCESS_KEY": "minioadmin", "MINIO_SECRET_KEY": "minioadmin"},
        **{"MINIO_USE_SSL": False, "API_STR": "/api/v1", "algorithm": "HS256", "minutes": 30},
    }


def test_every_command_runs_in_the_order_of_the_guide(followed: dict[str, str]) -> None:
    for command, pattern in MADE_BY.items():
        assert re.search(pattern, followed[command]), followed[command]


def test_the_addresses_answer_what_is_printed(followed: dict[str, str]) -> None:
    lines = [
        line
        for block in guide.blocks()
        if block.kind == "sh run"
        for line in block.text.splitlines()
    ]
    told = dict(re.findall(r"^(curl \S+) +# (\{.*\})$", "\n".join(lines), re.MULTILINE))
    assert len(told) == 4
    for command, answer in told.items():
        assert json.loads(followed[command]) == json.loads(answer)
    assert json.loads(followed["curl http://127.0.0.1:8000/health/ready"])["status"] == "ready"
    assert json.loads(followed["curl http://127.0.0.1:8000/health/live"])["status"] == "alive"
    asked = [command for command in followed if command.startswith("curl ")]
    assert len(asked) == len(told) + 2


def test_the_server_with_reload_answers(reader: Reader, followed: dict[str, str]) -> None:
    (command,) = [span for span in guide.spans() if span.startswith("uvicorn ")]
    assert command.endswith(" --reload")
    with reader.started(command) as (server,):
        until(lambda: reader.serves() or server.poll() is not None, reader.log)
        assert reader.serves(), reader.log()
        page = reader.run("curl -sS http://127.0.0.1:8000/docs")
        assert "swagger" in page.lower()
