"""Mecs, simulations and executions over HTTP and in the console."""

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from simulations.choices import RunStatus
from simulations.models import Execution, Mec, Simulation
from simulations.services.designs import simulations
from simulations.services.runs import lifecycle
from simulations.tests.conftest import api_client
from storage.choices import Status
from storage.models import Rosbag, RosbagFile, RosbagTopic
from templates.models import Template
from templates.services import templates

pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture
def template(db: Any) -> Template:
    rosbag = Rosbag.objects.create(
        name="course", status=Status.READY, storage_id="sqlite3", duration_ns=10**9, message_count=5
    )
    RosbagFile.objects.create(rosbag=rosbag, path="metadata.yaml", size=1, sha256="0" * 64)
    RosbagTopic.objects.create(
        rosbag=rosbag, name="/odom", type="nav_msgs/msg/Odometry", message_count=5
    )
    return templates.create(name="Loader", rosbag=rosbag)


@pytest.fixture
def mec(db: Any) -> Mec:
    return Mec.objects.create(slug="lab", name="Lab")


@pytest.fixture
def simulation(mec: Mec, template: Template) -> Simulation:
    stages = [simulations.StageSpec(template=template, agent_count=2)]
    return simulations.create_simulation(name="Yard", pattern="sequential", mec=mec, stages=stages)


def test_create_update_and_delete_simulation(
    operator: APIClient, mec: Mec, template: Template
) -> None:
    stage = {"template": template.pk, "agent_count": 3}
    body = {"name": "Yard", "pattern": "parallel", "mec": mec.pk, "stages": [stage, stage]}
    answer = operator.post(f"{API}/simulations", body)
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert [stage["position"] for stage in made["stages"]] == [1, 2]
    assert made["created_by"] == "operator@example.org"
    one = f"{API}/simulations/{made['id']}"
    assert operator.get(one).json() == made
    renamed = operator.patch(one, {"name": "Field"}).json()
    assert (renamed["name"], len(renamed["stages"])) == ("Field", 2)
    changed = operator.put(one, {**body, "stages": [stage | {"agent_count": 1}]}).json()
    assert [stage["agent_count"] for stage in changed["stages"]] == [1]
    assert operator.delete(one).status_code == 202
    assert operator.get(one).status_code == 404


@pytest.mark.parametrize(
    ("stage", "status", "pointer"),
    [
        ({"agent_count": 0}, 422, "/stages/0/agent_count"),
        ({"execution_time": -1}, 422, "/stages/0/execution_time"),
        ({"template": 10**9}, 422, "/stages/0/template"),
        ({"agent_count": "many"}, 400, "/stages/0/agent_count"),
        ({"agent_count": 10**12}, 400, "/stages/0/agent_count"),
        ({"lost_messages_allowed": -1}, 422, "/stages/0/lost_messages_allowed"),
        ({"lost_messages_allowed": 2**31}, 400, "/stages/0/lost_messages_allowed"),
    ],
)
def test_stage_errors_have_pointers(
    operator: APIClient,
    mec: Mec,
    template: Template,
    stage: dict[str, Any],
    status: int,
    pointer: str,
) -> None:
    stages = [{"template": template.pk, "agent_count": 1} | stage]
    body = {"name": "Yard", "pattern": "parallel", "mec": mec.pk, "stages": stages}
    answer = operator.post(f"{API}/simulations", body)
    assert answer.status_code == status, answer.content
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_repeated_start_starts_once_and_stop_stops(
    operator: APIClient, simulation: Simulation
) -> None:
    start = f"{API}/simulations/{simulation.pk}/start"
    answers = [operator.post(start, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202], answers[0].content
    assert answers[0].json() == answers[1].json()
    assert operator.post(start).status_code == 409
    one = f"{API}/executions/{answers[0].json()['id']}"
    assert answers[0]["Location"] == one
    detail = operator.get(one).json()
    assert detail["progress"]["planned_agents"] == 2
    stopped = operator.post(f"{one}/stop")
    assert (stopped.status_code, stopped.json()["status"]) == (202, RunStatus.STOPPING)
    assert stopped.json()["stopped_by"] == "operator@example.org"
    assert operator.post(f"{one}/stop").status_code == 409


def test_executions_and_their_rows_are_listed(operator: APIClient, simulation: Simulation) -> None:
    execution = lifecycle.start(simulation)
    listed = f"{API}/executions?simulation={simulation.pk}&status="
    assert len(operator.get(f"{listed}PENDING").json()["results"]) == 1
    assert operator.get(f"{listed}FAILED").json()["results"] == []
    one = f"{API}/executions/{execution.pk}"
    events = operator.get(f"{one}/events").json()["results"]
    assert events[0]["kind"] == "execution.requested"
    last = events[-1]["sequence"]
    assert operator.get(f"{one}/events?after={last}").json()["results"] == []
    for part in ("agents", "recordings"):
        assert operator.get(f"{one}/{part}").status_code == 200
        assert operator.get(f"{API}/executions/999999/{part}").status_code == 404


def test_only_admins_change_mecs_and_used_mecs_stay(simulation: Simulation) -> None:
    one = f"{API}/mecs/{simulation.mec_id}"
    assert api_client(Role.OPERATOR).patch(one, {"name": "Hall"}).status_code == 403
    admin = api_client(Role.ADMIN)
    assert admin.patch(one, {"name": "Hall"}).json()["name"] == "Hall"
    refused = admin.delete(one)
    assert (refused.status_code, refused.json()["code"]) == (409, "MEC_IN_USE")
    made = admin.post(f"{API}/mecs", {"slug": "field", "name": "Field"})
    assert made.status_code == 201, made.content
    assert admin.delete(f"{API}/mecs/{made.json()['id']}").status_code == 204


def test_viewers_only_read(simulation: Simulation) -> None:
    viewer = api_client(Role.VIEWER)
    assert viewer.get(f"{API}/simulations").status_code == 200
    assert viewer.post(f"{API}/simulations/{simulation.pk}/start").status_code == 403
    assert not Execution.objects.exists()


def test_create_start_and_stop_simulation_in_console(
    client: Client, mec: Mec, template: Template
) -> None:
    client.force_login(User.objects.create(email="operator@example.org", role=Role.OPERATOR))
    form = {"name": "Yard", "pattern": "sequential", "mec": mec.pk, "namespace_prefix": "/agent_"}
    form |= {"stages-TOTAL_FORMS": "1", "stages-INITIAL_FORMS": "0"}
    stage = {"position": 1, "template": template.pk, "agent_count": 2, "execution_time": 0}
    stage |= {"repeat_count": 1, "delay_after": 0, "retries": 0, "min_success": 100}
    stage |= {"lost_messages_allowed": 0}
    form |= {f"stages-0-{name}": value for name, value in stage.items()}
    answer = client.post("/admin/simulations/simulation/add/", form)
    assert answer.status_code == 302, answer.content.decode()
    simulation = Simulation.objects.get()
    assert (simulation.stages.get().agent_count, str(simulation.created_by)) == (
        2,
        "operator@example.org",
    )
    change = form | {
        "name": "Field",
        "stages-INITIAL_FORMS": "1",
        "stages-0-id": simulation.stages.get().pk,
        "stages-0-simulation": simulation.pk,
        "stages-0-agent_count": 3,
    }
    page = f"/admin/simulations/simulation/{simulation.pk}/change/"
    assert client.post(page, change).status_code == 302
    simulation.refresh_from_db()
    assert (simulation.name, simulation.stages.get().agent_count) == ("Field", 3)
    chosen = {"action": "start", "_selected_action": [simulation.pk], "post": "yes"}
    client.post("/admin/simulations/simulation/", chosen)
    execution = Execution.objects.get()
    chosen = {"action": "stop", "_selected_action": [execution.pk], "post": "yes"}
    client.post("/admin/simulations/execution/", chosen)
    execution.refresh_from_db()
    assert execution.status == RunStatus.STOPPING


@pytest.mark.parametrize(
    "page",
    ["mec", "simulation", "execution", "stagerun", "agentrun", "recording", "event", "deletion"],
)
def test_every_page_of_the_console_opens(client: Client, simulation: Simulation, page: str) -> None:
    lifecycle.start(simulation)
    client.force_login(User.objects.create(email="viewer@example.org", role=Role.VIEWER))
    assert client.get(f"/admin/simulations/{page}/").status_code == 200
