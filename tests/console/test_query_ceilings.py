"""Queries of each page of the console, at 30 rows of everything and at an execution of 10,000 agents."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from simulations.choices import AgentStatus, RunStatus
from simulations.models import AgentRun, Execution, Mec, Recording, Simulation, StageRun
from storage.models import Rosbag
from templates.models import Template
from tests.console import rows
from tests.console.addresses import candidates
from tests.console.people import ensure

ROWS = 30
AGENTS = 10_000
USUAL = 12
"""Ceiling of pages that are not in the table."""
CEILINGS = {
    "accounts_user_delete": 16,
    "simulations_execution_change": 14,
    "templates_template_change": 15,
}
"""Pages that need more, by the name of their URL."""


def copied(row: Model, suffix: int, **fields: object) -> Model:
    """A new row like this one, with names of its own."""
    copy: Any = type(row)._default_manager.get(pk=row.pk)
    copy.pk = None
    for name, value in fields.items():
        setattr(copy, name, f"{value} {suffix}" if isinstance(value, str) else value)
    return copy


def multiply() -> None:
    """Make 30 rows of whatever people make."""
    simulation = Simulation.objects.filter(executions__isnull=False).first()
    assert simulation is not None
    execution = simulation.executions.filter(status=RunStatus.COMPLETED)[0]
    originals: list[tuple[Model, dict[str, Any]]] = [
        (Rosbag.objects.usable()[0], {"name": "bag", "claimed_digest": None}),
        (Template.objects.living()[0], {"name": "another driver"}),
        (Mec.objects.all()[0], {"name": "Site", "slug": "site-"}),
        (simulation, {"name": "another drive", "latest_execution": execution}),
    ]
    for row, fields in originals:
        for number in range(ROWS):
            copy = copied(row, number, **fields)
            if "slug" in fields:
                copy.slug = f"site-{number}"  # type: ignore[attr-defined]
            copy.save()
    for number in range(ROWS):
        copy = copied(execution, number, number=1000 + number)
        copy.save()
        stages = [copied(stage, 0, execution=copy) for stage in execution.stage_runs.all()]
        StageRun.objects.bulk_create(stages)  # type: ignore[arg-type]
    User.objects.bulk_create(User(email=f"person{number}@example.org") for number in range(ROWS))


def enlarge() -> Execution:
    """Give a running execution 10,000 agents and as many recordings as units."""
    execution = Execution.objects.filter(status=RunStatus.RUNNING)[0]
    stage = execution.stage_runs.order_by("position")[0]
    statuses = list(AgentStatus)
    AgentRun.objects.bulk_create(
        AgentRun(stage_run=stage, number=n, unit=n // 10, status=statuses[n % len(statuses)])
        for n in range(100, 100 + AGENTS)
    )
    Recording.objects.bulk_create(
        Recording(stage_run=stage, unit=unit, topics=[]) for unit in range(1000, 2000)
    )
    return execution


def of_execution(execution: Execution) -> Iterator[tuple[str, str]]:
    """Pages of the large execution: its own, and the lists of its parts."""
    path = reverse("admin:simulations_execution_change", args=[execution.pk])
    yield "simulations_execution_change at 10,000 agents", path
    for part in ("agentrun", "recording", "event"):
        name = f"simulations_{part}_changelist"
        yield f"{name} at 10,000 agents", f"{reverse(f'admin:{name}')}?execution={execution.pk}"


@pytest.fixture
def browser(db: None, empty_redis: None, settings: Any, tmp_path: Path) -> Client:
    settings.STORAGE_DIR = tmp_path / "objects"
    settings.DATA_DIR = tmp_path / "data"
    rows.fill(str(tmp_path / "bags"))
    multiply()
    client = Client()
    client.force_login(User.objects.get(email=ensure("admin")))
    return client


def test_no_page_has_more_queries_than_its_ceiling(browser: Client) -> None:
    over: dict[str, int] = {}
    opened = 0
    for name, path in [*candidates(), *of_execution(enlarge())]:
        with CaptureQueriesContext(connection) as queries:
            answer = browser.get(path)
        if answer.status_code == 200:
            opened += 1
            ceiling = CEILINGS.get(name.split("-")[0], USUAL)
            if len(queries) > ceiling:
                over[name] = len(queries)
    assert over == {}
    assert opened > 100
