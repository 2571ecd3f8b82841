"""Each line of the log is JSON, and says what it belongs to; so do those of the servers."""

import asyncio
import json
import logging
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from io import StringIO
from logging.config import DictConfigurator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from django.conf import settings
from django.test import Client

from robotsim_project.environment import BASE_DIR
from robotsim_project.middleware.early_asgi import answer
from robotsim_project.telemetry.logs import config
from robotsim_project.telemetry.masking import MaskingFilter
from simulations.services.runs import reconcile, tokens
from simulations.streaming.viewers import Viewer
from simulations.streaming.watcher import watch
from tests.support.ports import free_port
from tests.support.serving import Server

GUNICORN = """
from robotsim_project.telemetry import logs
logconfig_dict = logs.config()
"""
SECRET = "s3cr3t-way-to-the-database"  # noqa: S105  opens nothing


def parsed(text: str) -> list[dict[str, Any]]:
    """All lines; one that is not JSON fails the test."""
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def lines() -> Iterator[Any]:
    """Log lines from now on, formatted as on the console."""
    dictated = DictConfigurator(config())
    written = StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(MaskingFilter())
    handler.setFormatter(dictated.configure_formatter(dictated.config["formatters"]["json"]))
    requests = logging.getLogger("django_structlog")
    before = requests.level
    requests.setLevel("INFO")
    logging.getLogger().addHandler(handler)
    yield lambda: parsed(written.getvalue())
    logging.getLogger().removeHandler(handler)
    requests.setLevel(before)


@pytest.mark.django_db
def test_each_line_of_a_request_names_it_and_so_does_the_answer(lines: Any) -> None:
    told_back = Client().get("/nowhere")
    told = lines()
    assert {line["event"] for line in told} >= {"request_started", "request_finished"}
    assert any(line["logger"] == "django.request" for line in told)
    assert {line["request_id"] for line in told} == {told_back["X-Request-ID"]}
    uuid.UUID(told_back["X-Request-ID"])


@pytest.mark.django_db
@pytest.mark.parametrize("given", ["7f3a-1", "A" * 128])
def test_a_well_formed_id_is_taken_over(lines: Any, given: str) -> None:
    told_back = Client().get("/", headers={"X-Request-ID": given})
    assert told_back["X-Request-ID"] == given
    assert {line["request_id"] for line in lines()} == {given}


@pytest.mark.django_db
@pytest.mark.parametrize("given", ["", "A" * 129, "a b", 'x","level":"x', "-x", "a\u00e9"])
def test_a_malformed_one_is_not(lines: Any, given: str) -> None:
    told_back = Client().get("/", headers={"X-Request-ID": given})
    assert told_back["X-Request-ID"] != given
    assert {line["request_id"] for line in lines()} == {told_back["X-Request-ID"]}


def test_a_host_that_is_not_ours_is_no_error(lines: Any) -> None:
    """Any stranger may send it, as often as they like: one short line."""
    Client().get("/", headers={"Host": "rebound.example" * 100})
    (line,) = lines()
    assert (line["level"], line["event"]) == ("warning", "host_not_allowed")
    assert line["host"].startswith("rebound.example")
    assert len(line["host"]) < 300
    assert "exception" not in line


@pytest.mark.django_db
def test_calls_of_units_name_their_execution(lines: Any) -> None:
    token = tokens.token_for(41)
    place = f"{settings.API_STR}/units/register"
    Client().post(place, headers={"Authorization": f"Unit {token}"}, data="{}", content_type="x")
    told = [line for line in lines() if line["event"] == "request_finished"]
    assert [line["execution"] for line in told] == [41]
    assert token not in json.dumps(told)


def test_heartbeats_under_asgi_have_a_request_id() -> None:
    path = f"{settings.API_STR}/units/report"
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b""}
    host = (b"host", b"localhost")
    given = answer({**scope, "headers": [host, (b"x-request-id", b"7f3a")]}, b"")
    made = answer({**scope, "headers": [host, (b"x-request-id", b"7f3a 1")]}, b"")
    assert (given.status_code, given["X-Request-ID"]) == (405, "7f3a")
    uuid.UUID(made["X-Request-ID"])


@pytest.mark.django_db
def test_a_step_of_the_controller_names_its_execution(
    lines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Active:
        def active(self) -> Any:
            return self

        def order_by(self, _name: str) -> Any:
            return self

        def values_list(self, *_names: str, flat: bool) -> list[int]:
            return [7]

        def select_related(self, _name: str) -> Any:
            raise RuntimeError(f"postgresql://robot:{SECRET}@db/x does not answer")

    monkeypatch.setattr(reconcile.Execution, "objects", Active())
    reconcile.reconcile()
    (line,) = lines()
    assert (line["event"], line["execution"], line["level"]) == ("step_failed", 7, "error")
    assert "RuntimeError" in line["exception"]
    assert SECRET not in json.dumps(line)


def test_a_stream_names_its_execution_and_the_request_that_asked_for_it() -> None:
    async def bound() -> dict[str, Any]:
        stream = watch(5, None, Viewer(1, 0), {"request_id": "7f3a"})
        await anext(stream)
        await stream.aclose()
        return structlog.contextvars.get_contextvars()

    assert asyncio.run(bound()) == {"request_id": "7f3a", "execution": 5}


@pytest.mark.parametrize(
    "said",
    [
        {"database": f"postgresql://robot:{SECRET}@db:5432/x"},
        {"headers": {"Authorization": f"Bearer {SECRET}", "Accept": "*/*"}},
        {"headers": {"Cookie": f"sessionid={SECRET}"}},
        {"address": f"https://s3/b/k?X-Amz-Signature={SECRET}&a=b"},
        {"password": SECRET},
        {"words": [f"Authorization: Bearer {SECRET}"]},
    ],
)
def test_what_is_told_has_no_secrets(lines: Any, said: dict[str, Any]) -> None:
    structlog.get_logger("any").warning("said", **said)
    logging.getLogger("plain").warning("said %s", said)
    told = json.dumps(lines())
    assert SECRET not in told
    assert "***" in told


def test_uvicorn_speaks_json(
    transactional_db: None, process_environment: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "server.log"
    with Server(process_environment | {"REQUEST_LOG_LEVEL": "INFO"}, log) as server:
        told_back = httpx.get(f"{server.url}/nowhere", timeout=60)
    told = parsed(log.read_text())
    assert "uvicorn.error" in {line["logger"] for line in told}
    of_it = [line for line in told if line.get("request_id") == told_back.headers["X-Request-ID"]]
    assert {line["event"] for line in of_it} >= {"request_started", "request_finished"}


def test_gunicorn_speaks_json(
    transactional_db: None, process_environment: dict[str, str], tmp_path: Path
) -> None:
    configuration = tmp_path / "gunicorn.conf.py"
    configuration.write_text(GUNICORN)
    place = f"127.0.0.1:{free_port()}"
    command = ["-m", "gunicorn", "--config", str(configuration), "--bind", place]
    child = subprocess.Popen(
        [sys.executable, *command, "robotsim_project.wsgi:application"],
        cwd=BASE_DIR,
        env=process_environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr is not None
    first = ""
    while "Booting worker" not in first:
        first += child.stderr.readline()
        assert child.poll() is None, first
    child.send_signal(signal.SIGTERM)
    rest = child.communicate(timeout=60)[1]
    told = parsed(first + rest)
    assert {line["logger"] for line in told} >= {"gunicorn.error"}
    assert any("Shutting down" in line["event"] for line in told)
