"""Tests of mecs: by a process on this machine, bounded in time and number, kept with the mec, and audited."""

import json
from collections.abc import Iterator
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import pytest
from auditlog.models import LogEntry
from rest_framework.test import APIClient

from accounts.choices import Role
from agent.protocol import Link, ProbeCode, ProbeResult
from simulations.backends.base import Placement
from simulations.backends.local import LocalBackend
from simulations.exceptions import BackendError
from simulations.models import Mec
from simulations.services.designs import mec_probes, mecs
from simulations.tests.conftest import Console, Design, api_client
from simulations.tests.fake_backend import FakeBackend
from tests.support.zenoh import Router

pytestmark = pytest.mark.django_db
API = "/api/v1/mecs"


@pytest.fixture
def router() -> Iterator[Router]:
    router = Router()
    yield router
    router.close()


@pytest.fixture
def site() -> Mec:
    return mecs.ensure("site", name="Site", transport="zenoh-raw", endpoint="tcp/192.0.2.7:7447")


@pytest.fixture
def probing(monkeypatch: pytest.MonkeyPatch) -> FakeBackend:
    backend = FakeBackend()
    monkeypatch.setattr(mec_probes, "backend", lambda _name: backend)
    return backend


def test_router_is_tested_by_a_process(
    operator: APIClient, router: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    mec = mecs.ensure("site", name="Site", transport="zenoh-raw", endpoint=router.endpoint)
    with monkeypatch.context() as unhurried:  # a process takes seconds to start on a busy machine
        unhurried.setattr(mec_probes, "MAX_SECONDS", 60)
        answer = operator.post(f"{API}/{mec.pk}/test")
    assert answer.status_code == 200, answer.content
    result = answer.json()
    assert (result["reachable"], result["code"]) == (True, "REACHED")
    assert result["round_trip_ms"] > 0
    router.interrupt("killed")
    gone = operator.post(f"{API}/{mec.pk}/test").json()
    assert (gone["reachable"], gone["round_trip_ms"]) == (False, None)
    kept = operator.get(f"{API}/{mec.pk}").json()
    assert kept["last_test"] == gone
    assert kept["last_tested_by"] == "operator@example.org"
    assert kept["last_tested_at"] is not None


def test_result_is_worded_in_the_language_of_the_request(
    operator: APIClient, site: Mec, probing: FakeBackend
) -> None:
    probing.answer = ProbeResult(reachable=False, code=ProbeCode.PORT_CLOSED, text="English")
    english = operator.post(f"{API}/{site.pk}/test").json()["text"]
    korean = operator.get(f"{API}/{site.pk}", headers={"Accept-Language": "ko"}).json()
    assert english.startswith("Nothing listens on the port")
    assert "포트" in korean["last_test"]["text"]


def test_tests_are_audited_with_author_and_result(
    operator: APIClient, admin: APIClient, site: Mec, probing: FakeBackend
) -> None:
    LogEntry.objects.all().delete()
    operator.post(f"{API}/{site.pk}/test")
    (entry,) = admin.get("/api/v1/audit?action=test").json()["results"]
    assert (entry["object_type"], entry["object_id"]) == ("simulations.mec", str(site.pk))
    assert entry["actor_email"] == "operator@example.org"
    assert entry["values"] == {"result": "REACHED", "reachable": True, "round_trip_ms": 1.25}
    assert LogEntry.objects.count() == 1


def test_disabled_and_missing_mecs_are_not_tested(
    operator: APIClient, site: Mec, probing: FakeBackend
) -> None:
    mecs.update(site, enabled=False)
    answer = operator.post(f"{API}/{site.pk}/test")
    assert (answer.status_code, answer.json()["code"]) == (409, "MEC_DISABLED")
    assert operator.post(f"{API}/999999/test").status_code == 404
    assert not probing.probed


def test_viewers_do_not_test(site: Mec, probing: FakeBackend, console: Console) -> None:
    assert api_client(Role.VIEWER).post(f"{API}/{site.pk}/test").status_code == 403
    page = f"/admin/simulations/mec/{site.pk}/"
    viewer = console(Role.VIEWER)
    assert viewer.post(f"{page}test/").status_code == 403
    assert f"{page}test/" not in viewer.get(f"{page}change/").content.decode()
    assert not probing.probed


def test_backend_without_processes_is_a_problem_and_no_result(
    operator: APIClient, site: Mec, probing: FakeBackend
) -> None:
    probing.fails = True
    answer = operator.post(f"{API}/{site.pk}/test")
    assert (answer.status_code, answer.json()["code"]) == (503, "BACKEND_UNAVAILABLE")
    assert answer.headers["Retry-After"] == "10"
    site.refresh_from_db()
    assert site.last_test is None


def test_tests_at_once_are_bounded(
    operator: APIClient, site: Mec, probing: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = BoundedSemaphore(1)
    monkeypatch.setattr(mec_probes, "_slots", taken)
    taken.acquire()
    answer = operator.post(f"{API}/{site.pk}/test")
    assert (answer.status_code, answer.json()["code"]) == (503, "TOO_MANY_TESTS")
    taken.release()
    probing.fails = True  # a failed test gives its place back
    operator.post(f"{API}/{site.pk}/test")
    probing.fails = False
    assert operator.post(f"{API}/{site.pk}/test").status_code == 200


def test_result_of_another_link_is_not_kept(
    operator: APIClient, site: Mec, probing: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.post(f"{API}/{site.pk}/test")
    mecs.update(site, name="Other")
    site.refresh_from_db()
    assert site.last_test is not None
    mecs.update(site, endpoint="tcp/192.0.2.8:7447")
    site.refresh_from_db()
    assert (site.last_test, site.last_tested_at, site.last_tested_by) == (None, None, None)

    def changed_meanwhile(_link: Link, _seconds: float) -> ProbeResult:
        Mec.objects.update(endpoint="tcp/192.0.2.9:7447")
        return probing.answer

    monkeypatch.setattr(probing, "probe", changed_meanwhile)
    operator.post(f"{API}/{site.pk}/test")
    site.refresh_from_db()
    assert site.last_test is None


def test_program_that_hangs_or_fails(settings: Any, tmp_path: Path) -> None:
    """The agent's program is replaced by one that says nothing in time, and by one that says no JSON."""
    (tmp_path / "agent").mkdir()
    program = tmp_path / "agent" / "__main__.py"
    (tmp_path / "agent" / "__init__.py").touch()
    settings.BASE_DIR = tmp_path
    program.write_text("import time; time.sleep(60)")
    result = LocalBackend().probe(Link(transport="null"), Placement(), 0.5)
    assert (result.reachable, result.code) == (False, ProbeCode.NO_ANSWER_IN_TIME)
    program.write_text("print('no JSON')")
    with pytest.raises(BackendError):
        LocalBackend().probe(Link(transport="null"), Placement(), 30)


def test_operators_test_in_the_console(console: Console, site: Mec, probing: FakeBackend) -> None:
    page = f"/admin/simulations/mec/{site.pk}/"
    operator = console(Role.OPERATOR)
    assert f"{page}test/" in operator.get(f"{page}change/").content.decode()
    assert operator.get(f"{page}test/").status_code == 405
    answer = operator.post(f"{page}test/", follow=True)
    text = answer.content.decode()
    assert answer.redirect_chain == [(f"{page}change/", 302)]
    assert "The router answers" in text
    assert "1.25 ms" in text
    assert "operator@example.org" in text
    Mec.objects.update(enabled=False)
    assert f"{page}test/" not in operator.get(f"{page}change/").content.decode()
    refused = operator.post(f"{page}test/", follow=True).content.decode()
    assert "The system under test is disabled" in refused


ADDRESSED = {"endpoint": "tcp/192.0.2.7:7447"}, {"discovery": "multicast"}
NOWHERE = {"slug": "lab", "name": "Lab", "transport": "zenoh-raw"}


def test_mec_that_leads_nowhere_is_refused(admin: APIClient, console: Console) -> None:
    answer = admin.post(API, NOWHERE)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["pointer"], "multicast" in error["detail"]) == ("/endpoint", True)
    for address in ADDRESSED:
        mec = admin.post(API, NOWHERE | address).json()
        emptied = admin.patch(f"{API}/{mec['id']}", {"endpoint": "", "discovery": "none"})
        assert emptied.status_code == 422
        Mec.objects.all().delete()
    form = NOWHERE | {"discovery": "none", "domain_id": 0, "node_selector": "{}"}
    form |= {"zenoh_mode": "client", "attachment": "binary"}
    page = console(Role.ADMIN).post("/admin/simulations/mec/add/", form)
    assert "reach nobody" in " ".join(page.context["adminform"].form.errors["endpoint"])


def test_existing_one_is_refused_at_start_and_may_be_disabled(
    operator: APIClient, admin: APIClient, design: Design
) -> None:
    simulation = design()
    start = f"/api/v1/simulations/{simulation.pk}/start"
    execution = operator.post(start).json()
    assert operator.post(f"/api/v1/executions/{execution['id']}/stop").status_code == 202
    Mec.objects.update(transport="zenoh-raw", endpoint="", discovery="none")
    simulation.executions.update(status="STOPPED")
    row = simulation.executions.get()
    row.plan["link"] |= {"transport": "zenoh-raw"}
    row.save()
    again = f"/api/v1/executions/{row.pk}/again"
    for address in (start, again):
        answer = operator.post(address)
        assert answer.status_code == 422, json.dumps(answer.json())
        assert "reach nobody" in json.dumps(answer.json())
    mec = Mec.objects.get()
    assert admin.patch(f"{API}/{mec.pk}", {"enabled": False}).status_code == 200
