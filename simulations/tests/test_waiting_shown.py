"""Why units wait: in the API, on the page of the execution, of its stage, and in its timeline."""

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.choices import Role
from simulations.backends.base import UnitState, UnitStatus
from simulations.models import Execution, StageRun
from simulations.services.progress.progress import inputs_of
from simulations.services.runs import lifecycle
from simulations.services.runs.reconcile import reconcile
from simulations.tests.conftest import Console, Design, prepared
from simulations.tests.fake_backend import FakeBackend

pytestmark = pytest.mark.django_db
SENTENCE = "0/3 nodes are available: 3 Insufficient cpu."
WAITING = {"code": "UNSCHEDULABLE", "reason": SENTENCE, "units": 1}
KOREAN = {"HTTP_ACCEPT_LANGUAGE": "ko"}


@pytest.fixture
def execution(design: Design, fake: FakeBackend) -> Execution:
    """An execution whose only unit finds no node."""
    execution = lifecycle.start(design(2))
    prepared(execution, prepared_at=timezone.now())
    fake.seen = [UnitStatus(0, UnitState.PENDING, failure="UNSCHEDULABLE", reason=SENTENCE)]
    reconcile()
    execution.refresh_from_db()
    return execution


def summary(console: Console, execution: Execution, **headers: str) -> str:
    url = f"/admin/simulations/execution/{execution.pk}/panels/"
    answer = console(Role.VIEWER).get(url, {"names": "summary"}, **headers)
    return str(answer.json()["html"]["summary"])


def test_api(operator: APIClient, execution: Execution) -> None:
    url = f"/api/v1/executions/{execution.pk}"
    answer = operator.get(url).json()
    (row,) = answer["waiting"]
    assert row.items() >= WAITING.items()
    assert row["stage"] == 1
    assert row["text"].startswith("No node has room")
    assert row["text"].endswith(SENTENCE)
    assert answer["progress"]["stages"][0]["waiting"] == WAITING
    (row,) = operator.get(url, **KOREAN).json()["waiting"]
    assert row["text"].startswith("유닛을 둘 수 있는 노드가 없습니다.")


def test_the_number_of_waiting_units_changes_without_an_event(execution: Execution) -> None:
    before = inputs_of(execution)
    StageRun.objects.update(waiting={**WAITING, "units": 7})
    (stage,) = inputs_of(Execution.objects.get(), before).stages
    assert stage.waiting == {**WAITING, "units": 7}


def test_page_of_the_execution(console: Console, execution: Execution, fake: FakeBackend) -> None:
    shown = summary(console, execution)
    assert "Units that do not run yet: 1." in shown
    assert SENTENCE in shown
    assert "아직 실행되지 않은 유닛: 1개." in summary(console, execution, **KOREAN)
    stage_run = execution.stage_runs.get()
    page = console(Role.VIEWER).get(f"/admin/simulations/stagerun/{stage_run.pk}/change/")
    assert SENTENCE in page.content.decode()


def test_timeline(console: Console, execution: Execution) -> None:
    url = f"/admin/simulations/execution/{execution.pk}/panels/"
    answer = console(Role.VIEWER).get(url, {"names": "events"})
    assert "Stage 1: units that wait: 1: No node has room" in answer.json()["html"]["events"]
