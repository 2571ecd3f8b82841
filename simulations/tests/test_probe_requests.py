"""Tests of MECs where only controllers may use the backend: requested, taken once, answered, kept."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.choices import Role
from agent.protocol import ProbeCode, ProbeResult
from common.db.leases import LeaseLostError
from simulations.backends.base import Placement
from simulations.live import system
from simulations.models import LinkProbe, Mec
from simulations.services.designs import mec_probes, mecs, probe_answers, probe_requests
from simulations.services.maintenance import retention
from simulations.tests.conftest import Console, Design
from simulations.tests.fake_backend import FakeBackend

pytestmark = pytest.mark.django_db
API = "/api/v1/mecs"


@pytest.fixture
def site() -> Mec:
    return mecs.ensure("site", name="Site", transport="zenoh-raw", endpoint="tcp/192.0.2.7:7447")


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeBackend:
    """A backend that only controllers may use."""
    backend = FakeBackend()
    backend.controller_only = True
    for module in (mec_probes, probe_answers, probe_requests):
        monkeypatch.setattr(module, "backend", lambda _name: backend)
    return backend


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Have something happen in each pause of a request that waits; a pause takes ten seconds."""

    def set_action(action: Callable[[], object]) -> None:
        now = [0.0]

        def pause(_seconds: float) -> None:
            now[0] += 10
            action()

        monkeypatch.setattr(probe_requests, "sleep", pause)
        monkeypatch.setattr(probe_requests, "monotonic", lambda: now[0])

    return set_action


def take_one() -> None:
    """Do as a controller does."""
    if lease := probe_answers.take(lost=True):
        probe_answers.answer(lease)


def test_a_controller_makes_the_test_and_the_request_waits(
    operator: APIClient, site: Mec, cluster: FakeBackend, meanwhile: Any
) -> None:
    mecs.update(site, node_selector={"site": "north"})
    meanwhile(take_one)
    answer = operator.post(f"{API}/{site.pk}/test")
    assert answer.status_code == 200, answer.content
    assert (answer.json()["code"], answer.json()["round_trip_ms"]) == ("REACHED", 1.25)
    assert cluster.probed == [(site.link, Placement({"site": "north"}))]
    kept = operator.get(f"{API}/{site.pk}").json()
    assert kept["last_test"] == answer.json()
    assert kept["last_tested_by"] == "operator@example.org"


def test_the_reason_of_the_backend_is_the_answer(
    operator: APIClient, admin: APIClient, site: Mec, cluster: FakeBackend, meanwhile: Any
) -> None:
    cluster.fails = True
    meanwhile(take_one)
    answer = operator.post(f"{API}/{site.pk}/test")
    assert (answer.status_code, answer.json()["code"]) == (503, "BACKEND_UNAVAILABLE")
    assert "No process can be started" in answer.json()["detail"]
    assert admin.get("/api/v1/audit?action=test").json()["results"] == []


def test_without_a_controller_the_request_is_withdrawn(
    operator: APIClient, site: Mec, cluster: FakeBackend, meanwhile: Any
) -> None:
    meanwhile(lambda: None)
    answer = operator.post(f"{API}/{site.pk}/test")
    assert (answer.status_code, answer.json()["code"]) == (503, "BACKEND_UNAVAILABLE")
    assert "manage.py run_controller" in answer.json()["detail"]
    assert not LinkProbe.objects.exists()
    system.record_controller_pass()
    assert "busy" in operator.post(f"{API}/{site.pk}/test").json()["detail"]


def test_a_test_that_takes_long_goes_on(
    operator: APIClient, site: Mec, cluster: FakeBackend, meanwhile: Any
) -> None:
    leases = []
    meanwhile(lambda: leases.append(probe_answers.take(lost=False)))
    answer = operator.post(f"{API}/{site.pk}/test")
    assert answer.status_code == 503
    assert "after 60 seconds" in answer.json()["detail"]
    again = probe_requests.request(site, None)
    assert LinkProbe.objects.get() == again, "a second request joins it"
    probe_answers.answer(leases[0])
    assert probe_requests.wait(again).reachable
    site.refresh_from_db()
    assert site.last_test is not None


def test_two_controllers_never_make_the_same_test(site: Mec, cluster: FakeBackend) -> None:
    probe_requests.request(site, None)
    assert probe_answers.take(lost=True) is not None
    assert probe_answers.take(lost=True) is None


def test_the_test_of_a_killed_controller_is_made_by_another(
    site: Mec, cluster: FakeBackend
) -> None:
    probe = probe_requests.request(site, None)
    killed = probe_answers.take(lost=False)
    assert killed is not None
    LinkProbe.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert probe_answers.take(lost=False) is None, "its holder may get the time to renew it"
    take_one()
    with pytest.raises(LeaseLostError):
        probe_answers.answer(killed)
    assert probe_requests.wait(probe).reachable


def test_a_test_that_kills_controllers_is_given_up(
    site: Mec, cluster: FakeBackend, operator: APIClient, meanwhile: Any
) -> None:
    def taken_and_killed() -> None:
        probe_answers.take(lost=True)
        LinkProbe.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    meanwhile(taken_and_killed)
    assert "were killed" in operator.post(f"{API}/{site.pk}/test").json()["detail"]
    assert not cluster.probed


def test_what_nobody_waits_for_is_not_made_and_removed(site: Mec, cluster: FakeBackend) -> None:
    probe_requests.request(site, None)
    LinkProbe.objects.update(created_at=timezone.now() - timedelta(minutes=6))
    assert probe_answers.take(lost=True) is None
    LinkProbe.objects.update(created_at=timezone.now() - timedelta(days=2))
    assert retention.prune()["link_probes"] == 1


def test_another_link_is_another_test(site: Mec, cluster: FakeBackend) -> None:
    before = probe_requests.request(site, None)
    mecs.update(site, endpoint="tcp/192.0.2.8:7447")
    now = probe_requests.request(site, None)
    assert before.pk != now.pk
    take_one()
    site.refresh_from_db()
    assert site.last_test is None, "the result is that of the old link"
    take_one()
    site.refresh_from_db()
    assert site.last_test is not None


def test_another_placement_is_another_test(
    site: Mec, cluster: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = probe_requests.request(site, None)

    def move(*_arguments: object) -> ProbeResult:
        mecs.update(Mec.objects.get(), node_selector={"site": "south"})
        return cluster.answer

    with monkeypatch.context() as patch:
        patch.setattr(cluster, "probe", move)
        take_one()
    site.refresh_from_db()
    assert site.last_test is None, "the result is that of other nodes"
    assert probe_requests.latest(site) is None
    assert probe_requests.request(site, None) != before
    take_one()
    site.refresh_from_db()
    assert site.last_test is not None
    mecs.update(site, tolerations=[{"key": "robots", "operator": "Exists"}])
    assert site.last_test is None


def test_a_check_before_a_start_waits_too(
    operator: APIClient, design: Design, cluster: FakeBackend, meanwhile: Any
) -> None:
    cluster.answer = ProbeResult(reachable=False, code=ProbeCode.PORT_CLOSED, text="")
    meanwhile(take_one)
    answer = operator.post(f"/api/v1/simulations/{design(2).pk}/preflight")
    transport = next(row for row in answer.json()["checks"] if row["check"] == "TRANSPORT")
    assert transport["code"] == "PORT_CLOSED"


def test_the_console_does_not_wait(console: Console, site: Mec, cluster: FakeBackend) -> None:
    page = f"/admin/simulations/mec/{site.pk}/"
    operator = console(Role.OPERATOR)
    operator.post(f"{page}test/")
    assert LinkProbe.objects.get().requested_by.email == "operator@example.org"

    def texts() -> tuple[str, str]:
        part, badge = (operator.get(f"{page}part/{name}/") for name in ("tested", "badge"))
        return part.content.decode(), badge.content.decode()

    assert "waits for a controller" in texts()[0]
    assert "being tested" in texts()[1]
    lease = probe_answers.take(lost=False)
    assert lease is not None
    assert "in a pod that has to start first" in texts()[0]
    probe_answers.answer(lease)
    assert "The router answers" in texts()[0]
    assert "The router answers" in operator.get(f"{page}change/").content.decode()


def test_the_console_says_why_there_is_no_result(
    console: Console, site: Mec, cluster: FakeBackend
) -> None:
    page = f"/admin/simulations/mec/{site.pk}/"
    operator = console(Role.OPERATOR)
    operator.post(f"{page}test/")
    long_ago = timezone.now() - timedelta(seconds=20)
    Mec.objects.update(updated_at=long_ago)
    LinkProbe.objects.update(created_at=long_ago)
    assert "no controller is running" in operator.get(f"{page}part/tested/").content.decode()
    cluster.fails = True
    take_one()
    assert "No process can be started" in operator.get(f"{page}part/tested/").content.decode()
    cluster.fails = False
    operator.post(f"{page}test/")
    take_one()
    assert "No process can be" not in operator.get(f"{page}part/tested/").content.decode()
    assert operator.get(f"{page}part/other/").status_code == 404


def test_answer_with_nul_is_kept_without_it(site: Mec, cluster: FakeBackend) -> None:
    cluster.answer = ProbeResult(
        reachable=False, code=ProbeCode.PORT_CLOSED, text="closed", detail="refused\0by it"
    )
    probe_requests.request(site, None)
    take_one()
    assert probe_requests.latest(site).result["detail"] == "refusedby it"
    site.refresh_from_db()
    assert site.last_test["detail"] == "refusedby it"
