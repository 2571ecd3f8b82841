"""The `run` blocks and the `.env` of the install guide, run as printed in a fresh copy of the project.

Only the port of the server is replaced, and in `.env` the addresses of PostgreSQL, Redis and S3. `python` and
`uvicorn` are those of the tests.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployment import guide
from tests.deployment.guide_reader import Reader, new_reader
from tests.deployment.test_install_guide import MAPPED
from tests.support.world import World, a_world, until

SERVERS = ("uvicorn ", "python manage.py run_controller", "python manage.py run_worker")
"""They run until they are ended."""
MADE_BY = {
    "python manage.py ensure_admin you@example.com": r"you@example\.com.*\S{12}",
    "python manage.py showmigrations": r"\[X\] 0001_initial",
    "python manage.py showmigrations --plan": r"\[X\]  storage\.0001_initial",
    "python manage.py sqlmigrate storage 0001": r"CREATE TABLE",
}
"""Expected output of commands."""
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


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with a_world() as world:
        world.postgres.start()
        world.redis.start()
        world.start_s3()
        yield world


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return new_reader(tmp_path_factory.mktemp("guide") / "robotsim")


def follow(reader: Reader, world: World) -> dict[str, str]:
    """Output of the commands of the `run` blocks, run in order."""
    reader.write_env(
        DATABASE_URL=world.postgres.url.replace("postgresql://", "postgresql+asyncpg://"),
        REDIS_URL=world.redis.url(0),
        MINIO_ENDPOINT=world.s3.endpoint,
        MINIO_ACCESS_KEY=world.s3.access_key,
        MINIO_SECRET_KEY=world.s3.secret_key,
    )
    commands = [each for each in dict.fromkeys(guide.commands("run")) if each not in MAPPED]
    lasting = [each for each in commands if each.startswith(SERVERS)]
    first = commands.index(lasting[0])
    after = [each for each in commands[first:] if each not in lasting]
    printed = {each: reader.run(each) for each in commands[:first]}
    with reader.started(*lasting) as running:
        until(lambda: reader.serves() or running[0].poll() is not None, reader.log)
        printed |= {each: reader.run(each) for each in after}
        assert [process.poll() for process in running] == [None] * len(lasting), reader.log()
    assert [process.returncode for process in running] == [0] * len(lasting), reader.log()
    return printed


def test_the_settings_load_with_exactly_the_printed_file(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "read.py").write_text(READ)
    reader.write_env()
    settings = json.loads(reader.run(f"PYTHONPATH=. python {tmp_path / 'read.py'}"))
    assert settings.pop("key") != "your-secret-key-here"
    assert settings == {
        "USER": "postgres",
        "PASSWORD": "password",
        "HOST": "localhost",
        "PORT": 5432,
        "NAME": "robotdb",
        "REDIS_URL": "redis://localhost:6379/0",
        "MINIO_ENDPOINT": "localhost:9000",
        "MINIO_ACCESS_KEY": "minioadmin",
        "MINIO_SECRET_KEY": "minioadmin",
        "MINIO_BUCKET": "robot-sim",
        "MINIO_USE_SSL": False,
        "API_STR": "/api/v1",
        "algorithm": "HS256",
        "minutes": 30,
    }


def test_every_command_runs_in_the_order_of_the_guide(reader: Reader, world: World) -> None:
    printed = follow(reader, world)
    for command, pattern in MADE_BY.items():
        assert re.search(pattern, printed[command]), printed[command]
    check_answers(printed)


def check_answers(followed: dict[str, str]) -> None:
    """The addresses answer what stands beside them."""
    text = "".join(block.text for block in guide.blocks() if block.kind == "sh run")
    answers = dict(re.findall(r"^(curl \S+) +# (\{.*\})$", text, re.MULTILINE))
    assert len(answers) == 4
    for command, answer in answers.items():
        assert json.loads(followed[command]) == json.loads(answer)
    assert json.loads(followed["curl http://127.0.0.1:8000/health/ready"])["status"] == "ready"
    assert json.loads(followed["curl http://127.0.0.1:8000/health/live"])["status"] == "alive"
    asked = [command for command in followed if command.startswith("curl ")]
    assert len(asked) == len(answers) + 2


def test_the_server_with_reload_answers(reader: Reader) -> None:
    reader.write_env()  # nothing answers at its addresses, and the server starts all the same
    (command,) = [span for span in guide.spans() if span.startswith("uvicorn ")]
    assert command.endswith(" --reload")
    with reader.started(command) as (server,):
        until(lambda: reader.serves() or server.poll() is not None, reader.log)
        assert reader.serves(), reader.log()
        page = reader.run("curl -sS http://127.0.0.1:8000/docs")
        assert "swagger" in page.lower()
