"""Numbers out of bounds are refused with a sentence by each door, and no error is told as another."""

from typing import Any

import msgspec
import pytest
from django.db import IntegrityError
from django.utils import timezone
from rest_framework.test import APIClient

from simulations.choices import RunStatus
from simulations.exceptions import NotStartableError
from simulations.models import Execution, Mec, Simulation
from simulations.services import planning
from simulations.services.progress.calculation import Inputs, StageInputs, calculate
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Design
from templates.models import Template

HUGE = "1" + "0" * 400
"""An integer that is no float."""
NUMBERS = ["1e-310", "1e-300", "-1", "1e308", "1e400", HUGE, "NaN", "-Infinity"]


def refusal(answer: Any, field: str) -> None:
    assert answer.status_code in {400, 422}, answer.content
    problem = answer.json()
    pointers = [error["pointer"] for error in problem.get("errors", [])]
    assert pointers in ([field], []), problem  # NaN and the infinities are not JSON
    assert pointers or problem["code"] == "PARSE_ERROR"


def post(client: APIClient, path: str, body: str) -> Any:
    return client.post(f"/api/v1/{path}", body, content_type="application/json")


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("field", ["rate", "max_gap_seconds"])
def test_template(operator: APIClient, template: Template, field: str, number: str) -> None:
    body = f'{{"name": "x", "rosbag": {template.rosbag_id}, "{field}": {number}}}'
    refusal(post(operator, "templates", body), f"/{field}")


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(
    "field",
    ["agent_count", "execution_time", "repeat_count", "delay_after", "retries", "min_success"],
)
def test_stage(operator: APIClient, template: Template, mec: Mec, field: str, number: str) -> None:
    if field == "delay_after" and number in {"1e-310", "1e-300"}:
        return  # nothing is divided by it
    stage = {"template": template.pk, "agent_count": 1}
    text = msgspec.json.encode(stage | {field: "NUMBER"}).decode().replace('"NUMBER"', number)
    body = f'{{"name": "x", "pattern": "parallel", "mec": {mec.pk}, "stages": [{text}]}}'
    refusal(post(operator, "simulations", body), f"/stages/0/{field}")
    assert not Simulation.objects.exists()


def test_rate_of_a_version_without_bounds(design: Design, template: Template) -> None:
    simulation = design()
    execution = lifecycle.start(simulation)
    Execution.objects.update(status=RunStatus.COMPLETED)
    Template.objects.update(rate=1e-310)
    with pytest.raises(NotStartableError, match="rate of template driver"):
        lifecycle.start(simulation)
    frozen = execution.plan
    frozen["stages"][0]["rate"] = 1e-300
    with pytest.raises(NotStartableError, match="rate of template driver"):
        lifecycle.start_again(execution)


def test_other_violations_are_not_told_as_already_running(
    design: Design, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation = design(1, 1)
    frozen = planning.freeze(simulation)
    same = tuple(msgspec.structs.replace(stage, position=1) for stage in frozen.stages)
    twice = msgspec.structs.replace(frozen, stages=same)
    monkeypatch.setattr(lifecycle, "freeze", lambda _simulation: twice)
    with pytest.raises(IntegrityError):
        lifecycle.start(simulation)


@pytest.mark.django_db
def test_progress_of_what_lasts_longer_than_the_calendar(design: Design) -> None:
    frozen = planning.freeze(design(1, 1))
    stages = tuple(msgspec.structs.replace(stage, seconds_a_pass=9e12) for stage in frozen.stages)
    moments: dict[str, Any] = {"release_at": None, "agents_ended_at": None, "ended_at": None}
    inputs = Inputs(
        status="RUNNING",
        data_status="PENDING",
        event_count=1,
        stop_asked_at=None,
        ended_at=None,
        stages=tuple(
            StageInputs(**{**moments, "pk": n, "position": n, "status": status, "release_at": at})
            for n, status, at in ((1, "RUNNING", timezone.now()), (2, "PENDING", None))
        ),
    )
    progress = calculate(msgspec.structs.replace(frozen, stages=stages), inputs, {}, timezone.now())
    assert progress.expected_end is None
