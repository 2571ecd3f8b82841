"""The commands of the manifests start with their environment, and their probes pass."""

import os
import re
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from launcher.redis_server import redis_command
from tests.deployment.manifests import in_file, one, rendered, template
from tests.support.ports import free_port
from tests.support.world import Process, World, a_world, until

PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
HOST = "robot.example.com"


@pytest.fixture(scope="module")
def services() -> Iterator[World]:
    """PostgreSQL without tables, Redis and S3."""
    with a_world() as world:
        world.start_s3()
        world.redis.start()
        world.postgres.start()
        yield world


class Container:
    """One container of a rendered set, run as a process with its own environment only."""

    def __init__(
        self, name: str, kind: str, world: World, folder: Path, overlay: str = "k8s"
    ) -> None:
        thing = one(rendered(overlay), kind, name)
        made = template(thing)
        assert made is not None
        (self.spec,) = made["spec"]["containers"]
        self.port = free_port()
        self._folder = folder
        self._world = world
        self._overlay = overlay
        self.process: Process | None = None

    def environment(self) -> dict[str, str]:
        """Settings, secrets and its own variables; only addresses and folders are those of the test."""
        given: dict[str, str] = dict(
            one(rendered(self._overlay), "ConfigMap", "robot-config")["data"]
        )
        for thing in in_file("secrets.example.yaml"):
            if {"secretRef": {"name": thing["metadata"]["name"]}} in self.spec["envFrom"]:
                given |= thing["stringData"]
        for entry in self.spec.get("env", []):
            # As in Kubernetes, a value refers to what is before it; other references stay as they are.
            value = entry.get(
                "value", "127.0.0.1"
            )  # without one: the address of the pod or the node
            given[entry["name"]] = re.sub(r"\$\((\w+)\)", lambda m: given.get(m[1], m[0]), value)
        return {name: self.local(value) for name, value in given.items()} | self._replaced()

    def _replaced(self) -> dict[str, str]:
        there = self._world.environment
        taken = (
            "DATABASE_URL",
            "REDIS_URL",
            "MINIO_ENDPOINT",
            "MINIO_ACCESS_KEY",
            "MINIO_SECRET_KEY",
        )
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            **{name: there[name] for name in taken},
            "SECRET_KEY": secrets.token_urlsafe(48),
            "METRICS_TOKEN": secrets.token_urlsafe(32),
            "WEB_PORT": str(self.port),
        }

    def local(self, text: str) -> str:
        """Name the folder of the test instead of those of the container."""
        for inside in ("/tmp", "/data"):  # noqa: S108
            if text == inside or text.startswith(f"{inside}/") or f" {inside}/" in text:
                (self._folder / inside[1:]).mkdir(exist_ok=True, mode=0o700)
                text = text.replace(inside, str(self._folder / inside[1:]), 1)
        return text

    def start(self, **extra: str) -> Process:
        words = list(self.spec["command"])
        words = words[1:] if words[0] == "python" else ["-m", *words]
        log = self._folder / f"{self.spec['name']}.log"
        self.process = Process(words, self.environment() | extra, log)
        self._world.processes.append(self.process)
        return self.process

    def passes(self, probe: str) -> bool:
        """Carry a probe of the manifest out as a kubelet would."""
        asked = self.spec[probe]
        if "exec" in asked:
            command = [self.local(word) for word in asked["exec"]["command"]]
            return subprocess.run(command, check=False).returncode == 0
        assert asked["httpGet"]["port"] == self.spec["ports"][0]["name"]
        try:
            return self.get(asked["httpGet"]["path"]).is_success
        except httpx.TransportError:
            return False

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", headers=headers, timeout=60)

    def until_it_passes(self, probe: str) -> None:
        process = self.process
        assert process is not None
        until(lambda: self.passes(probe) or not process.alive, lambda: process.words)
        assert process.alive, process.words

    def ends_well(self) -> None:
        assert self.process is not None
        self.process.terminate()
        assert self.process.wait() == 0, self.process.words


def test_each_program_starts_and_the_job_migrates(services: World, tmp_path: Path) -> None:
    names = ("robot-backend", "robot-stream", "robot-controller", "robot-worker")
    containers = []
    for name in names:
        (tmp_path / name).mkdir()
        containers.append(Container(name, "Deployment", services, tmp_path / name))
        containers[-1].start()
    for each in containers:  # live while they wait for tables
        each.until_it_passes("startupProbe")
        each.until_it_passes("livenessProbe")
    assert not any(each.passes("readinessProbe") for each in containers[:2])

    (tmp_path / "migrate").mkdir()
    job = Container("robot-migrate", "Job", services, tmp_path / "migrate").start()
    assert job.wait() == 0, job.words

    for each in containers:
        for probe in PROBES:
            each.until_it_passes(probe)
    assert containers[0].get("/").json() == {"message": "Robot Simulator Backend API"}
    for part in ("redis", "db"):
        assert containers[0].get(f"/health/{part}").json()["status"] == "healthy"
    for each in containers:
        each.ends_well()


def test_production_answers_its_own_names_and_its_probes(services: World, tmp_path: Path) -> None:
    each = Container("robot-backend", "Deployment", services, tmp_path, "production")
    each.start()
    each.until_it_passes("startupProbe")
    forwarded = {"X-Forwarded-Proto": "https"}
    assert each.get("/", Host=HOST, **forwarded).status_code == 200
    assert each.get("/", Host=HOST).headers["Location"] == f"https://{HOST}/"
    assert each.get("/", Host="elsewhere.example.org", **forwarded).status_code == 400
    assert each.get("/", Host="robot-backend-service.robot:8000", **forwarded).status_code == 200
    each.ends_well()


def test_the_values_of_the_example_are_refused_by_name(services: World, tmp_path: Path) -> None:
    each = Container("robot-backend", "Deployment", services, tmp_path)
    example = one(in_file("secrets.example.yaml"), "Secret", "robot-backend-secret")["stringData"]
    sound: dict[str, str] = {}
    for name in ("SECRET_KEY", "DATABASE_URL", "REDIS_URL"):
        process = each.start(**{key: example[key] for key in example if key not in sound})
        assert process.wait() != 0
        assert name in process.words.splitlines()[-1]
        sound[name] = each.environment()[name]


def test_redis_takes_its_configuration_and_asks_for_the_password(tmp_path: Path) -> None:
    server = redis_command(tmp_path, tmp_path / "unused", durable=False, databases=1)[0]
    (each,) = one(rendered("k8s"), "StatefulSet", "redis")["spec"]["template"]["spec"]["containers"]
    port = free_port()
    places = {
        "/etc/redis": tmp_path / "etc",
        "/run/redis": tmp_path / "run",
        "/data": tmp_path / "data",
    }
    script = each["command"][-1].replace("exec redis-server", f"exec {server}")
    config = one(rendered("k8s"), "ConfigMap", "redis-config")["data"]["redis.conf"]
    for inside, here in places.items():
        here.mkdir()
        script, config = script.replace(inside, str(here)), config.replace(inside, str(here))
    (tmp_path / "etc" / "redis.conf").write_text(f"{config}port {port}\n")
    command = [*each["command"][:-1], script]

    refused = subprocess.run(
        command, env={"REDIS_PASSWORD": "CHANGE-ME"}, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1
    assert "install.sh --secrets" in refused.stderr

    password = secrets.token_hex(16)
    process = subprocess.Popen(
        command, env={"REDIS_PASSWORD": password, "PATH": os.environ["PATH"]}
    )
    try:
        until(lambda: answer(port, "PING").startswith("-NOAUTH"))
        assert answer(port, f"AUTH {password}", "PING") == "+OK\r\n+PONG\r\n"
        assert answer(port, f"AUTH {password}", "CONFIG GET maxmemory-policy").endswith(
            "noeviction\r\n"
        )
        assert password not in Path(f"/proc/{process.pid}/cmdline").read_text()
        assert list(places["/data"].iterdir())  # the append-only file
    finally:
        process.terminate()
        process.wait()


def answer(port: int, *lines: str) -> str:
    """Send inline commands to Redis and return the response; empty while it does not listen."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall("".join(f"{line}\r\n" for line in [*lines, "QUIT"]).encode())
            said = b""
            while piece := connection.recv(4096):
                said += piece
    except OSError:
        return ""
    return said.decode().removesuffix("+OK\r\n")
