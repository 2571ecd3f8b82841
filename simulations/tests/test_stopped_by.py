"""A stopped execution says who stopped it, or what did."""

import pytest
from django.utils.translation import override
from rest_framework.test import APIClient

from accounts.choices import Role
from simulations.backends.base import UnitState, UnitStatus
from simulations.choices import Stopper
from simulations.models import AgentRun, Execution
from simulations.services.runs import lifecycle, reconcile
from simulations.tests.conftest import Console, Design, prepared
from simulations.tests.fake_backend import FakeBackend

pytestmark = pytest.mark.django_db


def test_user(operator: APIClient, design: Design, fake: FakeBackend) -> None:
    execution = lifecycle.start(design(1))
    prepared(execution)
    row = operator.post(f"/api/v1/executions/{execution.pk}/stop").json()
    assert (row["stopped_by"], row["failure_code"]) == ("operator@example.org", "STOPPED_BY_USER")
    fake.seen = [UnitStatus(0, UnitState.ENDED)]
    reconcile.step(Execution.objects.get())
    agent = AgentRun.objects.get()  # it never registered
    assert agent.failure_text == "It was stopped by operator@example.org."
    listed = operator.get("/api/v1/executions").json()["results"][0]
    assert listed["stopped_by"] == "operator@example.org"


def test_console_in_korean(console: Console, design: Design) -> None:
    execution = lifecycle.stop(lifecycle.start(design(1)), stopped_by=Stopper.INTERRUPT)
    client, path = console(Role.VIEWER), f"/admin/simulations/execution/{execution.pk}/change/"
    with override("en"):
        page = client.get(path, headers={"accept-language": "ko"}).content.decode()
    assert "터미널의 Ctrl-C에 의해 중지되었습니다." in page
