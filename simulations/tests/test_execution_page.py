"""The live page of an execution: what it says in each state, and the parts that it fetches again."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.choices import Role
from accounts.models import User
from simulations.choices import EventKind, FailureCode
from simulations.failures import failure
from simulations.live import logs as live_logs
from simulations.live.system import record_controller_pass
from simulations.models import AgentRun, Execution, Recording, StageRun
from simulations.services.events import record_event
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Console, Design, registered, snapshot
from templates.models import Template
from templates.services import templates

URL = "/admin/simulations/execution"
ALL = "status,about,actions,summary,failures,stages,subscribers,recordings,events,plan"


def page(client: Client, execution: Execution) -> str:
    answer = client.get(f"{URL}/{execution.pk}/change/")
    assert answer.status_code == 200
    return answer.content.decode()


def panels(client: Client, execution: Execution, names: str, **query: Any) -> Any:
    answer = client.get(f"{URL}/{execution.pk}/panels/", {"names": names, **query})
    assert answer.status_code == 200
    return answer.json()


def put(execution: Execution, status: str, stage: str, **fields: Any) -> None:
    Execution.objects.filter(pk=execution.pk).update(status=status)
    StageRun.objects.filter(execution=execution).update(status=stage, **fields)


def summary(client: Client, execution: Execution) -> str:
    return str(panels(client, execution, "summary")["html"]["summary"])


def test_it_says_what_it_waits_for(console: Console, design: Design) -> None:
    client, execution = console(Role.VIEWER), lifecycle.start(design(2, 2, delay_after=60))
    assert "No controller is running" in summary(client, execution)
    record_controller_pass()
    assert "within a few seconds" in summary(client, execution)
    first = execution.stage_runs.get(position=1)
    put(execution, "PREPARING", "PENDING")
    StageRun.objects.filter(pk=first.pk).update(status="PREPARING")
    record_event(execution.pk, EventKind.STAGE_STATUS, payload={"position": 1, "status": "x"})
    registered(first)
    assert "0 of 2 agents are ready for the common start; 2 are fetching" in summary(
        client, execution
    )
    put(execution, "RUNNING", "PENDING")
    StageRun.objects.filter(pk=first.pk).update(status="COMPLETED", ended_at=timezone.now())
    assert "Stage 2, driver, is prepared after a pause" in summary(client, execution)
    put(execution, "FINALIZING", "FINALIZING")
    assert "recordings still to be stored or checked: 1" in summary(client, execution)
    put(execution, "STOPPING", "FINALIZING")
    record_event(execution.pk, EventKind.STAGE_STATUS, payload={"position": 1, "status": "x"})
    assert "have not stopped or are storing recordings: 2" in summary(client, execution)


def failed(design: Design) -> Execution:
    """An execution whose stage failed, as one of its two agents did."""
    execution = lifecycle.start(design(2, name="<b>rush</b>"))
    stage = execution.stage_runs.get()
    lines = json.dumps({"time": "2026-01-01T10:00:07", "level": "error", "event": "<i>gone</i>"})
    AgentRun.objects.create(stage_run=stage, number=1, unit=0, status="COMPLETED")
    AgentRun.objects.create(
        stage_run=stage,
        number=2,
        unit=0,
        status="FAILED",
        last_log=lines,
        ended_at=timezone.now(),
        outages=[{"began_at": "2026-01-01T10:00:00Z", "ended_at": None, "messages": 7}],
        link_changes=1,
        **failure(FailureCode.TRANSPORT_LOST),
    )
    Recording.objects.create(stage_run=stage, unit=0, status="LOST", text="The <unit> was lost.")
    few = failure(FailureCode.TOO_FEW_COMPLETED, completed=1, agents=2, min_percent=100)
    StageRun.objects.update(status="FAILED", **few)
    Execution.objects.update(status="FAILED", ended_at=timezone.now(), **few)
    execution.refresh_from_db()
    return execution


def test_a_failure_says_what_happened_whose_fault_it_is_and_which_agents(
    console: Console, design: Design
) -> None:
    execution = failed(design)
    html = panels(console(Role.VIEWER), execution, ALL)["html"]
    failures = html["failures"]
    assert "1 of 2 agents completed, at least 100 % must." in failures
    assert "to blame: system" in failures
    assert f"agentrun/?execution={execution.pk}&amp;failure=TRANSPORT_LOST" in failures
    assert "to blame: user" in failures
    assert "&lt;i&gt;gone&lt;/i&gt;" in failures
    assert "not back; messages that may be lost: 7" in failures
    assert "The &lt;unit&gt; was lost." in html["recordings"]
    assert "<b>rush" not in page(console(Role.VIEWER), execution)


def test_the_plan_is_in_words(console: Console, design: Design) -> None:
    html = panels(console(Role.VIEWER), lifecycle.start(design()), "plan")["html"]["plan"]
    for words in ("1 times the recorded speed", "bag", "/odom", "this machine", "none"):
        assert words in html
    for raw in ("null", "None", "False"):
        assert raw not in html


def test_the_plan_says_what_is_played_and_how(
    console: Console, design: Design, template: Template
) -> None:
    templates.update(
        template,
        renames={"/odom": "/wheel/odom"},
        required_subscribers=["/odom"],
        start_offset=0.5,
        end_offset=1.5,
        pass_gap=90,
        clock_hz=50,
        restamp=True,
        record_topics=[{"name": "/scan", "type": "sensor_msgs/msg/LaserScan"}],
        record_scope="agent",
    )
    html = panels(console(Role.VIEWER), lifecycle.start(design()), "plan")["html"]["plan"]
    texts = ("/odom → /wheel/odom", "500 ms", "1.5 s", "1 min 30 s", "50 Hz on /clock")
    for text in (*texts, "Stamps headers anew", "one for each agent", "Wait for subscribers"):
        assert text in html


def test_an_ended_execution_is_not_live(console: Console, design: Design) -> None:
    client, execution = console(Role.OPERATOR), lifecycle.start(design())
    assert 'id="live"' in page(client, execution)
    put(execution, "STOPPED", "SKIPPED")
    text = page(client, execution)
    assert 'id="live"' not in text
    assert f"{execution.pk}/again/" in text
    assert "act/stop/" not in text


def test_a_stop_names_its_user_once(console: Console, design: Design) -> None:
    client = console(Role.OPERATOR)
    user = User.objects.get(role=Role.OPERATOR)
    execution = lifecycle.stop(lifecycle.start(design()), stopped_by=user)
    html = panels(client, execution, "failures,events")["html"]
    assert html["failures"].count("stopped by") == 1
    assert html["events"].count(str(user)) == 1


def test_panels_are_fetched_by_name(console: Console, design: Design) -> None:
    execution = lifecycle.start(design(3))
    client = console(Role.VIEWER)
    answer = panels(client, execution, "stages,agents,nonsense")
    assert (list(answer["html"]), list(answer["data"])) == (["stages"], ["agents"])
    assert answer["data"]["agents"]["stages"][0]["codes"] == "---"
    assert panels(client, execution, "")["html"] == {}
    assert client.get(f"{URL}/{execution.pk + 1}/panels/").status_code == 404
    signed_out = Client().get(f"{URL}/{execution.pk}/panels/")
    assert (signed_out.status_code, "login" in signed_out["Location"]) == (302, True)


def test_the_log_follows_by_agent_and_level(console: Console, stage_run: StageRun) -> None:
    execution, client = stage_run.execution, console(Role.VIEWER)
    line = '{"time": "2026-01-01T10:00:0%d", "level": "%s", "event": "%s"}\n'
    text = line % (1, "info", "ready") + line % (2, "warning", "slow") + "cut off\n"
    live_logs.append(execution.pk, snapshot(stage_run, "RUNNING", log=text))

    def lines(**query: Any) -> Any:
        return panels(client, execution, "log", **query)["data"]["log"]

    shown = lines()
    assert [row["text"] for row in shown["lines"]] == ["ready", "slow", "cut off"]
    assert shown["lines"][0]["unit"] == "1/0"
    assert lines(mark=shown["mark"])["lines"] is None
    assert [row["text"] for row in lines(level="warning", agent="2")["lines"]] == ["slow"]
    for odd in ("3", "0", "-1", "x", "9" * 40):
        missing = lines(agent=odd)
        assert (missing["lines"], missing["note"]) == ([], "There is no agent of this number.")


@pytest.mark.parametrize("ended", [True, False])
def test_the_number_of_queries_is_constant(console: Console, design: Design, ended: bool) -> None:
    client = console(Role.VIEWER)

    def queries(*agents: int) -> int:
        execution = lifecycle.start(design(*agents, name=f"{agents}"))
        for stage in execution.stage_runs.all():
            add_agents(stage, agents[stage.position - 1])
        put(execution, "FAILED" if ended else "RUNNING", "FAILED" if ended else "RUNNING")
        if ended:
            execution.refresh_from_db()
            Execution.objects.filter(pk=execution.pk).update(
                outcome=lifecycle.final_outcome(
                    execution, execution.status, {"ended_at": timezone.now()}
                )
            )
        page(client, execution)
        with CaptureQueriesContext(connection) as captured:
            page(client, execution)
        return len(captured)

    few = queries(2)
    assert few <= 12
    assert queries(*[2] * 30) <= few
    assert queries(5000, 5000) <= few


def add_agents(stage: StageRun, count: int) -> None:
    AgentRun.objects.bulk_create(
        AgentRun(
            stage_run=stage,
            number=number,
            unit=number // 10,
            status="LOST",
            last_log="gone",
            lateness_p99_us=number,
            **failure(FailureCode.AGENT_LOST),
        )
        for number in range(1, count + 1)
    )
