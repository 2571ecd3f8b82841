"""What agents of a template have used, offered to be reserved."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.choices import Role
from simulations.models import AgentRun, Execution, StageRun
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Console, Design
from templates.models import Template

pytestmark = pytest.mark.django_db
MIB = 2**20


def url(template: Template) -> str:
    return f"/api/v1/templates/{template.pk}/measured-resources"


def page(template: Template) -> str:
    return f"/admin/templates/template/{template.pk}/change/"


def execution(design: Design, *, seconds: float = 10, status: str = "COMPLETED") -> Execution:
    """Two agents in one unit, which used 0.4 cores and 54 MiB."""
    execution = lifecycle.start(design(2, name=f"drive {Execution.objects.count()}"))
    now = timezone.now()
    StageRun.objects.filter(execution=execution).update(
        release_at=now, agents_ended_at=now + timedelta(seconds=seconds)
    )
    used = {"unit_cpu_seconds": 4.0, "unit_memory_peak_bytes": 54 * MIB, "unit": 0}
    for number in (1, 2):
        AgentRun.objects.create(
            stage_run=execution.stage_runs.get(), number=number, status="COMPLETED", **used
        )
    Execution.objects.filter(pk=execution.pk).update(status=status)
    return execution


def test_an_agent_has_used_what_the_program_did_not(
    operator: APIClient, design: Design, template: Template
) -> None:
    newest = execution(design)
    answer = operator.get(url(template)).json()
    assert answer == {
        "execution": newest.pk,
        "transport": "null",
        "cores": pytest.approx((0.4 - 0.01) / 2),
        "memory_bytes": 10 * MIB,
        "agent_cpu": 244,
        "agent_memory": 13,
    }


def test_the_newest_is_taken(operator: APIClient, design: Design, template: Template) -> None:
    execution(design)
    newest = execution(design)
    execution(design, status="FAILED")
    execution(design, seconds=1)
    assert operator.get(url(template)).json()["execution"] == newest.pk


def test_another_rate_was_not_measured(
    operator: APIClient, design: Design, template: Template
) -> None:
    execution(design)
    Template.objects.update(rate=7)
    answer = operator.get(url(template))
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_MEASURED")
    assert operator.get("/api/v1/templates/9/measured-resources").json()["code"] == "NOT_FOUND"


def test_the_page_offers_it(console: Console, design: Design, template: Template) -> None:
    before = console(Role.OPERATOR).get(page(template)).content.decode()
    assert "data-fill-cpu" not in before
    execution(design)
    for role in (Role.OPERATOR, Role.VIEWER):
        text = console(role).get(page(template)).content.decode()
        assert 'data-fill-cpu="244" data-fill-memory="13"' in text
        assert "an agent used 0.195 cores and 10.0 MiB" in text
