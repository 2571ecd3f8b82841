"""Traces and error reports: sent where the settings say, without secrets; else nothing is even loaded."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from django.db import connection

from common.tasks import enqueue
from robotsim_project.environment import BASE_DIR
from robotsim_project.telemetry.start import process_of
from simulations.models import Simulation
from simulations.services.designs import mecs
from simulations.services.designs.simulations import StageSpec, create_simulation
from simulations.services.runs import lifecycle
from storage.models import Rosbag, RosbagTopic
from templates.models import Template
from tests.support.ports import free_port
from tests.support.receivers import Received, receiver
from tests.support.serving import Server

SECRETS = ["s3cr3t-ticket-of-a-stream", "s3cr3t-bearer-of-somebody", "s3cr3t-cookie", "s3cr3t-way"]
HEADERS = {"Authorization": f"Bearer {SECRETS[1]}", "Cookie": f"sessionid={SECRETS[2]}"}
ADDRESS = f"/api/v1/executions/1/stream?ticket={SECRETS[0]}"


@pytest.fixture
def received() -> Iterator[Received]:
    with receiver() as found:
        yield found


@pytest.fixture
def simulation(transactional_db: None, empty_redis: None) -> Simulation:
    rosbag = Rosbag.objects.create(name="drive", status="ready", content_digest="d" * 64)
    RosbagTopic.objects.create(rosbag=rosbag, name="/odom", type="T", message_count=10)
    template = Template.objects.create(name="driver", rosbag=rosbag)
    mec = mecs.ensure("nowhere", name="Nowhere", transport="null")
    stages = [StageSpec(template=template, agent_count=2)]
    return create_simulation(name="drive", pattern="sequential", mec=mec, stages=stages)


@pytest.fixture
def environment(process_environment: dict[str, str], received: Received) -> dict[str, str]:
    return process_environment | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{received.url}",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "SENTRY_DSN": f"http://key@{received.url}/1",
    }


def test_a_request_and_its_queries_are_one_trace(
    transactional_db: None, environment: dict[str, str], received: Received, tmp_path: Path
) -> None:
    log = tmp_path / "server.log"
    with Server(environment | {"REQUEST_LOG_LEVEL": "INFO"}, log) as server:
        words = {"email": "nobody@example.org", "password": SECRETS[3]}
        with httpx.Client(base_url=server.url, timeout=60) as client:
            client.post("/api/v1/auth/signin", json=words)
            client.get(ADDRESS, headers=HEADERS)
            client.get(f"/storage/objects/{SECRETS[0]}")
            client.get("/health/db")
        for name in ("signin", "objects"):  # a span may end after that of a later request
            received.until(lambda n=name: any(n in span.name for _s, span, _a in received.spans()))
    spans = received.spans()
    assert {service for service, _span, _attributes in spans} == {"robotsim-stream"}
    signin = next(span for _s, span, _a in spans if span.name == "POST api/v1/auth/signin")
    queries = [
        attributes["db.statement"]
        for _s, span, attributes in spans
        if span.trace_id == signin.trace_id and "db.statement" in attributes
    ]
    assert connection.vendor != "postgresql" or any("accounts_user" in q for q in queries)
    assert not any("health" in span.name for _s, span, _a in spans)
    assert [secret for secret in SECRETS if secret.encode() in received.everything()] == []
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    of_request = [line for line in lines if "auth/signin" in str(line.get("request"))]
    assert {line["trace_id"] for line in of_request} == {signin.trace_id.hex()}


def test_workers_of_gunicorn_trace_after_their_fork(
    transactional_db: None, environment: dict[str, str], received: Received
) -> None:
    place = f"127.0.0.1:{free_port()}"
    command = ["-m", "gunicorn", "--workers", "2", "--bind", place, "--log-level", "error"]
    child = subprocess.Popen(
        [sys.executable, *command, "robotsim_project.wsgi:application"],
        cwd=BASE_DIR,
        env=environment,
    )
    try:
        with httpx.Client(transport=httpx.HTTPTransport(retries=8), timeout=30) as client:
            for _ in range(8):
                client.get(f"http://{place}/docs", headers={**HEADERS, "Connection": "close"})
        received.until(lambda: any(span.name == "GET docs" for _s, span, _a in received.spans()))
    finally:
        child.terminate()
        child.wait(120)
    assert {service for service, _span, _a in received.spans()} == {"robotsim-server"}
    traces = {span.trace_id for _s, span, _a in received.spans() if span.name == "GET docs"}
    assert len(traces) == 8  # sent at the end of each worker at the latest


def test_passes_of_the_controller_are_traced(
    simulation: Simulation, environment: dict[str, str], received: Received
) -> None:
    execution = lifecycle.start(simulation)
    with running(environment, "run_controller"):
        received.until(lambda: any(a.get("robotsim.execution") for _s, _n, a in received.spans()))
    spans = received.spans()
    step = next(span for _s, span, _a in spans if span.name == "controller step")
    above = next(span for _s, span, _a in spans if span.span_id == step.parent_span_id)
    assert above.name == "controller pass"
    executions = {
        a["robotsim.execution"] for _s, span, a in spans if span.name == "controller step"
    }
    assert executions == {execution.pk}
    assert {service for service, _span, _a in spans} == {"robotsim-controller"}


def test_tasks_are_traced_and_named_in_each_line(
    simulation: Simulation, environment: dict[str, str], received: Received
) -> None:
    rosbag = simulation.stages.get().template.rosbag
    Rosbag.objects.filter(pk=rosbag.pk).update(status="verifying")
    enqueue("storage.tasks.verify_rosbag", rosbag.pk)
    once = ["db_worker", "--batch", "--no-startup-delay", "--no-reload", "--interval", "0"]
    done = subprocess.run(
        [sys.executable, "manage.py", *once],
        cwd=BASE_DIR,
        env=environment | {"LOG_LEVEL": "DEBUG"},
        capture_output=True,
        text=True,
        check=True,
    )
    spans = [span for span in received.spans() if span[1].name == "task verify_rosbag"]
    assert [(service, a["robotsim.rosbag"]) for service, _s, a in spans] == [
        ("robotsim-worker", rosbag.pk)
    ]
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    within = [line for line in lines if line.get("task") == "verify_rosbag"]
    assert within
    assert {line["rosbag"] for line in within} == {rosbag.pk}
    assert {line["trace_id"] for line in within} == {spans[0][1].trace_id.hex()}
    assert {line["task_id"] for line in within} == {spans[0][2]["robotsim.task_id"]}


BREAK = """
import django, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "robotsim_project.settings"
from robotsim_project.telemetry import start as telemetry
telemetry.start("test")
django.setup()
import structlog
from django.test import RequestFactory, Client
from django.urls import path
import robotsim_project.urls as urls

def breaks(request):
    token = "s3cr3t-bearer-of-somebody"
    structlog.get_logger("a").info("before", address="/x?ticket=s3cr3t-ticket-of-a-stream")
    raise RuntimeError("cannot reach postgresql://robot:s3cr3t-way@db:5432/x")

urls.urlpatterns.append(path("breaks", breaks))
client = Client(raise_request_exception=False, headers={
    "Authorization": "Bearer s3cr3t-bearer-of-somebody", "Cookie": "sessionid=s3cr3t-cookie",
    "Host": "localhost"})
client.get("/breaks?ticket=s3cr3t-ticket-of-a-stream")
import sentry_sdk
sentry_sdk.flush(60)
"""


def test_an_error_is_reported_once_without_secrets_and_people(
    environment: dict[str, str], received: Received, db: None
) -> None:
    environment = environment | {"OTEL_EXPORTER_OTLP_ENDPOINT": ""}
    subprocess.run([sys.executable, "-c", BREAK], cwd=BASE_DIR, env=environment, check=True)
    envelopes = [body for path, body in received.bodies if path == "/api/1/envelope/"]
    items = [json.loads(line) for body in envelopes for line in body.splitlines()[2:]]
    events = [item for item in items if "exception" in item]
    assert [each["value"] for event in events for each in event["exception"]["values"]] == [
        "cannot reach postgresql://robot:***@db:5432/x"
    ]
    assert events[0]["release"] == (BASE_DIR / ".version").read_text().strip()
    assert "user" not in events[0]
    assert [secret for secret in SECRETS if secret.encode() in received.everything()] == []


LOADED = """
import sys
sys.argv = ["manage.py", "check"]
import runpy
try:
    runpy.run_path("manage.py", run_name="__main__")
except SystemExit:
    pass
import robotsim_project.wsgi, robotsim_project.asgi
# The client of Redis loads the words of metrics by itself, where they are installed, and uses none of them.
ours = ("sentry_sdk", "opentelemetry.sdk.trace", "opentelemetry.exporter",
        "opentelemetry.instrumentation", "opentelemetry.proto", "robotsim_project.telemetry.traces")
print([name for name in sys.modules if name.startswith(ours)])
"""


def test_without_settings_nothing_of_it_is_loaded(process_environment: dict[str, str]) -> None:
    names = ("SENTRY_DSN", "OTEL_EXPORTER_OTLP_ENDPOINT")
    plain = {name: value for name, value in process_environment.items() if name not in names}
    done = subprocess.run(
        [sys.executable, "-c", LOADED],
        cwd=BASE_DIR,
        env=plain,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("command", "process"),
    [
        ("run_controller", "controller"),
        ("run_worker", "worker"),
        ("db_worker", "worker"),
        ("check_storage", "check-storage"),
    ],
)
def test_processes_are_called_by_what_they_do(command: str, process: str) -> None:
    assert process_of(["manage.py", command, "--x"]) == process


@contextmanager
def running(environment: dict[str, str], *words: str) -> Iterator[None]:
    """A command of manage.py, asked to end with the block."""
    child = subprocess.Popen([sys.executable, "manage.py", *words], cwd=BASE_DIR, env=environment)
    try:
        yield
    finally:
        child.terminate()
        child.wait(120)
