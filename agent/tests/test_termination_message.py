"""The termination message of a unit's container: each end says why, also those before there is an attempt."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.protocol import ExitReport, ProbeCode, ProbeResult, decode
from agent.settings import EXAMPLES
from agent.termination import MAX_CHARACTERS
from agent.tests.conftest import ROOT, until
from agent.tests.server import FakeServer, Running

MAX_BYTES = 4096
"""Kubernetes cuts off what is longer."""


@pytest.fixture
def message(tmp_path: Path) -> Path:
    return tmp_path / "termination-log"


def run(message: Path, *arguments: str, **environment: str) -> int:
    done = subprocess.run(
        [sys.executable, "-m", "agent", *arguments],
        cwd=ROOT,
        env={"ROBOTSIM_TERMINATION_LOG": str(message), **environment},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return done.returncode


def unit(server: Running, folder: Path) -> dict[str, str]:
    addresses = {"ROBOTSIM_SERVER": server.url, "ROBOTSIM_WORK_DIR": str(folder)}
    return EXAMPLES | addresses | {"ROBOTSIM_TOKEN": "secret"}


def end(message: Path) -> ExitReport:
    assert len(message.read_bytes()) < MAX_BYTES
    return decode(message.read_bytes(), ExitReport)


def test_settings_that_are_missing(message: Path) -> None:
    assert run(message) == 2
    assert end(message).failure == "AGENT_CRASHED"
    assert "ROBOTSIM_SERVER" in end(message).text


def test_a_folder_that_cannot_be_written(message: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert run(message, **EXAMPLES | {"ROBOTSIM_WORK_DIR": str(tmp_path / "file" / "unit")}) == 1
    assert end(message).failure == "AGENT_CRASHED"
    assert str(tmp_path / "file" / "unit") in end(message).text


def test_a_registration_that_is_refused(bag: Path, serve: Any, tmp_path: Path, message: Path):
    server = serve(FakeServer(bag, refuse={"register": [(409, "superseded")]}))
    assert run(message, **unit(server, tmp_path / "unit")) == 2
    assert end(message).failure == "SUPERSEDED"


def test_a_long_failure_is_cut(bag: Path, serve: Any, tmp_path: Path, message: Path) -> None:
    server = serve(FakeServer(bag, {"link": {"transport": "\N{SNOWMAN}" * 2000}}))
    assert run(message, **unit(server, tmp_path / "unit")) == 1
    assert end(message).failure == "TRANSPORT_UNREACHABLE"
    assert len(end(message).text) == MAX_CHARACTERS


def test_a_message_that_cannot_be_written_is_no_failure(bag: Path, serve: Any, tmp_path: Path):
    server = serve(FakeServer(bag))
    assert run(tmp_path / "none" / "log", **unit(server, tmp_path / "unit")) == 0


def test_a_probe_reads_its_link_from_the_environment(message: Path) -> None:
    assert run(message, "probe", ROBOTSIM_LINK='{"transport": "null"}') == 0
    assert decode(message.read_bytes(), ProbeResult).code == ProbeCode.NO_SYSTEM


def test_the_process_registers_with_its_name(bag, serve, start, monkeypatch):
    monkeypatch.setenv("ROBOTSIM_PROCESS", "f3c1-pod-uid")
    fake = FakeServer(bag)
    start(serve(fake))
    until(lambda: fake.registrations)
    assert fake.registrations[0].process == "f3c1-pod-uid"


def test_the_log_of_the_container_has_what_the_unit_logs(bag: Path, serve: Any, tmp_path: Path):
    server = serve(FakeServer(bag, refuse={"register": [(422, "refused")]}))
    environment = unit(server, tmp_path / "unit")
    done = subprocess.run(
        [sys.executable, "-m", "agent"],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        check=False,
    )
    assert done.stderr == (tmp_path / "unit" / "unit.log").read_bytes()
    assert b"REGISTRATION_REFUSED" in done.stderr
