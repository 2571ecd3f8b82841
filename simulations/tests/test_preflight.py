"""Checks before a start: by the API, the command and the console."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.choices import Role
from agent.protocol import ProbeCode, ProbeResult
from simulations.backends.base import Capacity
from simulations.models import AgentRun, Execution, Mec, Simulation, StageRun
from simulations.services.designs import mec_probes, mecs, room
from simulations.services.designs.preflight import preflight
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Design, api_client
from simulations.tests.fake_backend import FakeBackend
from storage.models import Rosbag, RosbagTopic
from storage.objects import object_store
from templates.models import Template
from tests.support.zenoh import Router

pytestmark = pytest.mark.django_db
Found = dict[str, tuple[str, str]]


@pytest.fixture
def units(monkeypatch: pytest.MonkeyPatch) -> FakeBackend:
    backend = FakeBackend()
    for module in (mec_probes, room):
        monkeypatch.setattr(module, "backend", lambda _name: backend)
    return backend


@pytest.fixture
def check(units: FakeBackend) -> Callable[[Simulation], Found]:
    """Return status and code by check; errors of the design first."""
    client = api_client(Role.OPERATOR)

    def run(simulation: Simulation) -> Found:
        answer = client.post(f"/api/v1/simulations/{simulation.pk}/preflight")
        assert answer.status_code == 200, answer.content
        checks = answer.json()["checks"]
        found = {row["check"]: (row["status"], row["code"]) for row in reversed(checks)}
        assert answer.json()["ok"] == all(status != "ERROR" for status, _code in found.values())
        return found

    return run


def test_everything_is_in_order(check: Callable[[Simulation], Found], design: Design) -> None:
    found = check(design(2))
    assert found == {
        "DESIGN": ("OK", "DESIGN"),
        "TRANSPORT": ("OK", "REACHED"),
        "ROSBAG": ("OK", "ROSBAG"),
        "MESSAGES": ("OK", "MESSAGES"),
        "CPU": ("OK", "CPU"),
        "MEMORY": ("OK", "MEMORY"),
        "DISK": ("OK", "DISK"),
    }
    assert not Execution.objects.exists()


def test_a_refused_start_and_a_gone_router_are_errors(
    check: Callable[[Simulation], Found], design: Design, units: FakeBackend, mec: Mec
) -> None:
    simulation = design(2)
    Template.objects.update(topics=["/gone"])
    units.answer = ProbeResult(reachable=False, code=ProbeCode.PORT_CLOSED, text="")
    found = check(simulation)
    assert found["DESIGN"] == ("ERROR", "INVALID")
    assert found["TRANSPORT"] == ("ERROR", "PORT_CLOSED")
    assert "CPU" not in found
    answer = api_client(Role.OPERATOR).post(f"/api/v1/simulations/{simulation.pk}/preflight")
    design_check, transport = answer.json()["checks"][:2]
    stage = simulation.stages.get()
    assert design_check["subject"] == {"kind": "template", "id": stage.template_id}
    assert design_check["stage"] == 1
    assert transport["subject"] == {"kind": "mec", "id": mec.pk}
    tests = api_client(Role.ADMIN).get("/api/v1/audit?action=test").json()["results"]
    assert [entry["object_id"] for entry in tests] == [str(mec.pk)] * 2


def test_topics_that_a_start_leaves_out_are_a_warning(
    units: FakeBackend, design: Design, rosbag: Rosbag, template: Template
) -> None:
    simulation = design(2)
    row = rosbag.topics.get()
    row.pk, row.name = None, "/odd name*"
    row.save()
    Template.objects.update(unsupported_topics="leave_out")
    Mec.objects.update(transport="zenoh-raw", endpoint="tcp/192.0.2.7:7447")
    answer = api_client(Role.OPERATOR).post(f"/api/v1/simulations/{simulation.pk}/preflight")
    warning = answer.json()["checks"][1]
    assert (warning["status"], warning["code"]) == ("WARNING", "TOPIC_NOT_CARRIED")
    assert (warning["stage"], warning["subject"]["id"]) == (1, template.pk)
    assert answer.json()["ok"]


def test_a_running_simulation_is_said(check: Callable[[Simulation], Found], design: Design) -> None:
    simulation = design(2)
    lifecycle.start(simulation)
    assert check(simulation)["DESIGN"] == ("ERROR", "ALREADY_RUNNING")


def test_a_test_that_cannot_be_made_is_not_known(
    check: Callable[[Simulation], Found], design: Design, units: FakeBackend
) -> None:
    units.fails = True
    assert check(design(2))["TRANSPORT"] == ("UNKNOWN", "BACKEND_UNAVAILABLE")


def test_missing_files_of_a_rosbag_are_named(
    check: Callable[[Simulation], Found], design: Design, template: Template
) -> None:
    file = template.rosbag.files.order_by("pk")[0]
    object_store().delete([file.key])
    assert check(design(2))["ROSBAG"] == ("ERROR", "FILES_MISSING")


@pytest.mark.parametrize(
    ("capacity", "expected"),
    [
        (None, ["UNKNOWN", "UNKNOWN", "UNKNOWN"]),
        (Capacity(0.0001, 1, 1), ["WARNING", "ERROR", "ERROR"]),
    ],
)
def test_needs_are_compared_with_the_room_for_units(
    capacity: Capacity | None,
    expected: list[str],
    check: Callable[[Simulation], Found],
    design: Design,
    units: FakeBackend,
) -> None:
    units.room = capacity
    found = check(design(2))
    assert [found[name][0] for name in ("CPU", "MEMORY", "DISK")] == expected


def test_names_without_a_slash_are_recorded_too(units: FakeBackend, design: Design) -> None:
    simulation = design(2)
    Template.objects.update(record_own=True)

    def disk() -> float:
        checks = preflight(simulation, requested_by=None).checks
        return next(check.values["needed"] for check in checks if check.check == "DISK")

    needed = disk()
    assert needed > Rosbag.objects.get().size
    for topic in RosbagTopic.objects.all():
        RosbagTopic.objects.filter(pk=topic.pk).update(name=topic.name.removeprefix("/"))
    Template.objects.update(topics=[])
    assert disk() == needed


def test_unpaced_stages_have_no_rate(check: Callable[[Simulation], Found], design: Design) -> None:
    Template.objects.update(rate=0)
    found = check(design(2, execution_time=5))
    assert found["MESSAGES"] == ("UNKNOWN", "RATE_UNKNOWN")
    assert found["CPU"] == ("UNKNOWN", "DEMAND_UNKNOWN")


def test_a_unit_with_too_many_messages_is_a_warning(
    check: Callable[[Simulation], Found], design: Design, settings: Any
) -> None:
    settings.AGENTS_PER_UNIT = 100_000
    settings.MAX_AGENTS = 10_000
    assert check(design(5000))["MESSAGES"] == ("WARNING", "UNIT_BUSY")


def test_an_earlier_execution_says_what_agents_use(
    check: Callable[[Simulation], Found], design: Design, settings: Any, units: FakeBackend
) -> None:
    simulation = design(2)
    execution = lifecycle.start(simulation)
    now = timezone.now()
    StageRun.objects.update(release_at=now, agents_ended_at=now + timedelta(seconds=10))
    figures = {"unit_cpu_seconds": 30.0, "unit_memory_peak_bytes": 10**9, "unit": 0}
    for agent in (1, 2):
        AgentRun.objects.create(
            stage_run=execution.stage_runs.get(), number=agent, status="COMPLETED", **figures
        )
    Execution.objects.update(status="COMPLETED")
    units.room = Capacity(2.5, 2 * 10**9, 10**12)
    answer = api_client(Role.OPERATOR).post(f"/api/v1/simulations/{simulation.pk}/preflight")
    by_name = {row["check"]: row for row in answer.json()["checks"]}
    assert by_name["CPU"]["status"] == "WARNING"
    assert by_name["CPU"]["values"] == {
        "needed": 3.0,
        "available": 2.5,
        "measured_by": execution.pk,
    }
    assert by_name["MEMORY"]["values"]["needed"] == 10**9


def test_viewers_may_not(design: Design) -> None:
    address = f"/api/v1/simulations/{design(2).pk}/preflight"
    assert api_client(Role.VIEWER).post(address).status_code == 403


def test_the_command_checks_and_starts_nothing(
    design: Design, units: FakeBackend, capsys: pytest.CaptureFixture[str]
) -> None:
    simulation = design(2)
    call_command("run_simulation", simulation.name, check=True)
    assert "[in order] rosbag: All files of rosbag" in capsys.readouterr().out
    units.answer = ProbeResult(reachable=False, code=ProbeCode.PORT_CLOSED, text="")
    with pytest.raises(SystemExit) as caught:
        call_command("run_simulation", simulation.name, check=True)
    assert caught.value.code == 1
    assert "[error] system under test:" in capsys.readouterr().out
    assert not Execution.objects.exists()


def test_a_real_router_is_reached(design: Design, monkeypatch: pytest.MonkeyPatch) -> None:
    # A process takes seconds to start on a busy machine.
    monkeypatch.setattr(mec_probes, "MAX_SECONDS", 60)
    router = Router()
    site = mecs.ensure("site", name="Site", transport="zenoh-raw", endpoint=router.endpoint)
    simulation = design(2)
    Simulation.objects.update(mec=site)
    try:
        answer = api_client(Role.OPERATOR).post(f"/api/v1/simulations/{simulation.pk}/preflight")
    finally:
        router.close()
    by_name = {row["check"]: row for row in answer.json()["checks"]}
    assert by_name["TRANSPORT"]["code"] == "REACHED"
    assert by_name["TRANSPORT"]["values"]["round_trip_ms"] > 0
    assert by_name["CPU"]["values"]["available"] > 0
