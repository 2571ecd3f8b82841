"""The backend as controllers report it, where only they may use it: health, overview and metrics."""

import pytest
from django.utils import timezone

from accounts.choices import Role
from robotsim_project.console.system import health
from robotsim_project.processes.backend_reports import BackendReports
from robotsim_project.telemetry.statistics import _redis
from simulations.backends.base import Capacity
from simulations.services.runs import backend_states
from simulations.services.runs.backend_states import BackendState
from simulations.tests.conftest import api_client
from simulations.tests.fake_backend import FakeBackend

pytestmark = pytest.mark.django_db
ROOM = Capacity(cores=2.5, memory_bytes=2**30, units=3)


@pytest.fixture(autouse=True)
def cluster(monkeypatch: pytest.MonkeyPatch, empty_redis: None) -> FakeBackend:
    """A backend that only controllers may use."""
    backend = FakeBackend()
    backend.controller_only = True
    for module in (backend_states, health):
        monkeypatch.setattr(module, "backend", lambda _name: backend)
    return backend


def report(name: str, **state: object) -> None:
    backend_states.record(name, BackendState(**{"at": timezone.now().timestamp()} | state))


def part() -> health.Part:
    return next(part for part in health.read(active=False).parts if part.name == "backend")


def test_health_names_the_problem_since_when_and_whose_it_is() -> None:
    assert (part().tone, part().name) == ("idle", "backend")
    report("a:1")
    report("b:1", problem="Connection refused", problem_since=1_000_000_000.0)
    assert part().tone == "warn"
    assert "b:1" in part().detail
    report("a:1", problem="Connection refused", problem_since=1_000_000_100.0)
    assert (part().tone, part().detail) == ("bad", "Connection refused")
    assert part().since.timestamp() == 1_000_000_000.0


def test_the_overview_and_the_metrics_say_whether_a_controller_is_in_step() -> None:
    def both() -> tuple[str, bool | None]:
        live = _redis({})
        assert live is not None
        return api_client(Role.VIEWER).get("/api/v1/overview").json()["health"][
            "backend"
        ], live.backend

    assert both() == ("unknown", None)
    report("a:1", problem="Connection refused")
    assert both() == ("away", False)
    report("b:1")
    assert both() == ("ok", True)


def test_a_controller_reports_what_its_backend_says(cluster: FakeBackend) -> None:
    reports = BackendReports()
    cluster.room = ROOM
    assert reports.look(cluster).capacity == ROOM
    cluster.trouble = "The watch is behind"
    hindered = reports.look(cluster)
    assert (hindered.problem, hindered.capacity) == ("The watch is behind", None)
    assert hindered.problem_since is not None
    assert reports.look(cluster).problem_since == hindered.problem_since
    cluster.trouble = ""
    assert reports.look(cluster).problem_since is None
