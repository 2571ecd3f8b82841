"""Messages that agents published late, or could not change, are stored and shown."""

import msgspec
import pytest

from accounts.choices import Role
from simulations.models import AgentRun, Execution, StageRun
from simulations.services.progress.results import summary
from simulations.services.runs import reports
from simulations.tests.conftest import api_client, snapshot

pytestmark = pytest.mark.django_db


def end(stage_run: StageRun, *, late: int | None) -> Execution:
    message = snapshot(stage_run, "COMPLETED", final=True)
    agents = tuple(
        msgspec.structs.replace(agent, messages_late=late, messages_unchanged=3)
        for agent in message.agents
    )
    reports.report(stage_run.execution_id, msgspec.structs.replace(message, agents=agents))
    return Execution.objects.get()


def test_they_are_counted_by_agent_and_added_up(stage_run: StageRun) -> None:
    execution = end(stage_run, late=21)
    assert set(AgentRun.objects.values_list("messages_late", "messages_unchanged")) == {(21, 3)}
    assert summary(execution)["messages_late"] == 42
    page = api_client(Role.VIEWER).get(f"/api/v1/executions/{execution.pk}/agents").json()
    assert {(row["messages_late"], row["messages_unchanged"]) for row in page["results"]} == {
        (21, 3)
    }


def test_without_pace_nothing_is_late(stage_run: StageRun) -> None:
    assert summary(end(stage_run, late=None))["messages_late"] is None


def test_figures_of_older_versions_have_none(stage_run: StageRun) -> None:
    Execution.objects.update(outcome={"progress": {}, "figures": {"recordings": 0}})
    assert summary(stage_run.execution)["messages_late"] is None
