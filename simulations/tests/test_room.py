"""Room for units where only controllers may use the backend, which report it."""

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from simulations.backends.base import Capacity
from simulations.exceptions import RedisUnreachableError
from simulations.live import system
from simulations.services.designs import room
from simulations.services.monitoring import backend_states
from simulations.services.monitoring.backend_states import BackendState
from simulations.tests.conftest import Design
from simulations.tests.fake_backend import FakeBackend
from templates.models import Template

pytestmark = pytest.mark.django_db
ROOM = Capacity(cores=2.5, memory_bytes=2**30, disk_bytes=None, units=3)


@pytest.fixture(autouse=True)
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeBackend:
    """A backend that only controllers may use."""
    backend = FakeBackend()
    backend.controller_only = True
    for module in (room, backend_states):
        monkeypatch.setattr(module, "backend", lambda _name: backend)
    return backend


def report(name: str, **state: object) -> None:
    values = {"at": timezone.now().timestamp(), "capacity": ROOM} | state
    backend_states.record(name, BackendState(**values))


def test_the_room_is_that_of_the_newest_report_in_step() -> None:
    now = timezone.now().timestamp()
    report("a:1", at=now - 5)
    report("b:1", at=now - 10, capacity=Capacity(cores=1.0))
    report("c:1", at=now, problem="Connection refused", capacity=None)
    assert room.room() == room.Room(ROOM)


def test_an_unknown_room_has_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "start one" in room.room().reason
    report("a:1", capacity=None)
    assert "no quota" in room.room().reason
    report("a:1", problem="Connection refused")
    assert room.room() == room.Room(None, "Connection refused")

    def away() -> None:
        raise RedisUnreachableError("away")

    monkeypatch.setattr(system, "recorded_backends", away)
    assert "Redis" in room.room().reason


def test_reports_of_ended_controllers_and_other_versions_are_forgotten() -> None:
    report("old:1", at=timezone.now().timestamp() - 60)
    system.record_backend("other:1", b'{"seen": true}')
    assert backend_states.read() == {}
    assert system.recorded_backends() == {}


def test_more_units_than_the_quota_allows_are_an_error(
    operator: APIClient, design: Design, settings: object
) -> None:
    settings.AGENTS_PER_UNIT = 2
    report("a:1")
    parallel = design(3, 4, name="at once", pattern="parallel")
    after = design(3, 4, name="one by one")

    def units(simulation: object) -> tuple[str, str]:
        answer = operator.post(f"/api/v1/simulations/{simulation.pk}/preflight").json()
        row = next(row for row in answer["checks"] if row["check"] == "UNITS")
        return row["status"], row["code"]

    assert units(parallel) == ("ERROR", "QUOTA_EXCEEDED")
    assert units(after) == ("OK", "UNITS")


def test_a_unit_for_which_no_node_has_room_is_a_warning(
    operator: APIClient, design: Design, settings: object
) -> None:
    settings.BACKEND = "kubernetes"
    small, large = {"node_cores": 8.0, "node_memory_bytes": 2**20}, 2**40
    simulation = design(3)

    def codes() -> list[str]:
        answer = operator.post(f"/api/v1/simulations/{simulation.pk}/preflight").json()
        return [row["code"] for row in answer["checks"] if row["check"] == "UNITS"]

    report("a:1", capacity=Capacity(**small))
    assert codes() == ["UNSCHEDULABLE"]
    report("a:1", capacity=Capacity(**small | {"node_memory_bytes": large}))
    assert codes() == []


def test_limits_beyond_the_quota_are_an_error_with_numbers(
    operator: APIClient, design: Design, settings: object
) -> None:
    settings.BACKEND, settings.AGENTS_PER_UNIT = "kubernetes", 1
    Template.objects.update(
        agent_cpu=10, agent_cpu_limit=1500, agent_memory=1, agent_memory_limit=64
    )
    simulation = design(3)  # three units with 0.5 cores more each

    def refused(**room: float) -> list[tuple[str, str]]:
        report("a:1", capacity=Capacity(**room))
        answer = operator.post(f"/api/v1/simulations/{simulation.pk}/preflight").json()
        found = [row for row in answer["checks"] if row["code"] == "QUOTA_EXCEEDED"]
        return [(row["check"], row["text"].split(". ")[0]) for row in found]

    assert refused(limit_cores=6.0, limit_memory_bytes=2**40) == []
    cores, memory = refused(limit_cores=5.9, limit_memory_bytes=2**20)
    text = "The limits of units add up to 6.0 cores at once; the quota leaves room for 5.9 cores"
    assert cores == ("CPU", text)
    assert memory[0] == "MEMORY"
