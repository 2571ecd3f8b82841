"""Simulations over HTTP beyond making and changing: clone, order, deletion, restoring, lists, bulk."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from common.recovery import recover
from simulations import tasks
from simulations.choices import DeletionStatus, RunStatus
from simulations.exceptions import LiveAwayError
from simulations.live import snapshots
from simulations.models import Deletion, Execution, Recording, Simulation
from simulations.services.maintenance import deletion as deletions
from simulations.services.runs import lifecycle
from storage.choices import Origin
from storage.models import Rosbag
from templates.models import Template
from templates.services import templates

pytestmark = pytest.mark.django_db
API = "/api/v1"
Design = Callable[..., Simulation]


def client(role: Role) -> APIClient:
    made = APIClient()
    made.force_authenticate(User.objects.create_user(f"{role}@example.org", role=role))
    return made


@pytest.fixture
def operator(db: None) -> APIClient:
    return client(Role.OPERATOR)


def ended(simulation: Simulation, status: str = "COMPLETED") -> Execution:
    execution = lifecycle.start(simulation)
    Execution.objects.filter(pk=execution.pk).update(status=status, ended_at=timezone.now())
    return execution


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["name"] for row in answer.json()["results"]]


def test_clone_copies_stages_under_new_name(operator: APIClient, design: Design) -> None:
    original = design(2, 3, delay_after=4.0, assigned_area="yard")
    address = f"{API}/simulations/{original.pk}/clone"
    answers = [operator.post(address, {}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    made = answers[0].json()
    assert answers[0]["Location"] == f"{API}/simulations/{made['id']}"
    assert [answer.json()["name"] for answer in answers] == ["drive (2)", "drive (3)"]
    before = operator.get(f"{API}/simulations/{original.pk}").json()
    assert made["stages"] == before["stages"]
    assert made["latest_execution"] is None
    assert operator.post(address, {"name": "own"}).json()["name"] == "own"
    taken = operator.post(address, {"name": "own"})
    assert (taken.status_code, taken.json()["code"]) == (409, "NAME_TAKEN")
    assert operator.post(address, {"title": "own"}).json()["errors"][0]["pointer"] == "/title"


def test_reorder_stages(operator: APIClient, design: Design) -> None:
    simulation = design(1, 2, 3)
    address = f"{API}/simulations/{simulation.pk}/reorder"
    told = operator.post(address, {"order": [3, 1, 2]}).json()
    assert [(s["position"], s["agent_count"]) for s in told["stages"]] == [(1, 3), (2, 1), (3, 2)]
    for wrong in ([1, 2], [1, 1, 2], [1, 2, 4]):
        refused = operator.post(address, {"order": wrong})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/order")
    kept = operator.get(f"{API}/simulations/{simulation.pk}").json()["stages"]
    assert [stage["agent_count"] for stage in kept] == [3, 1, 2]


def test_deleted_simulation_is_hidden_until_restored(operator: APIClient, design: Design) -> None:
    simulation = design()
    one = f"{API}/simulations/{simulation.pk}"
    answer = operator.delete(one)
    assert answer.status_code == 202, answer.content
    deletion = answer.json()
    assert (deletion["simulation"], deletion["permanent"]) == (simulation.pk, False)
    assert operator.get(one).status_code == 404
    assert operator.get(f"{one}?deleted=true").json()["status"] == "DELETING"
    assert tasks.delete.func(deletion["id"]) == DeletionStatus.COMPLETED
    told = operator.get(answer["Location"]).json()
    assert (told["status"], told["progress"], told["requested_by"]) == (
        "COMPLETED",
        100,
        "operator@example.org",
    )
    assert names(operator.get(f"{API}/simulations")) == []
    assert names(operator.get(f"{API}/simulations?deleted=true")) == ["drive"]
    assert operator.get(f"{one}?deleted=true").json()["status"] == "DELETED"
    assert operator.delete(one).status_code == 404
    refused = operator.post(f"{one}/start")
    assert refused.status_code == 404
    assert operator.post(f"{one}/restore").json()["status"] == "READY"
    assert names(operator.get(f"{API}/simulations")) == ["drive"]


def test_restore_is_refused_while_name_is_taken(operator: APIClient, design: Design) -> None:
    first = design()
    deletions.request(first)
    second = design()
    refused = operator.post(f"{API}/simulations/{first.pk}/restore")
    assert (refused.status_code, refused.json()["code"]) == (409, "NAME_TAKEN")
    operator.patch(f"{API}/simulations/{second.pk}", {"name": "other"})
    assert operator.post(f"{API}/simulations/{first.pk}/restore").status_code == 200


def test_running_simulation_cannot_be_deleted(operator: APIClient, design: Design) -> None:
    simulation = design()
    lifecycle.start(simulation)
    for answer in (
        operator.delete(f"{API}/simulations/{simulation.pk}"),
        client(Role.ADMIN).post(f"{API}/simulations/{simulation.pk}/purge"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "ALREADY_RUNNING")
    assert Simulation.objects.living().get() == simulation
    assert not Deletion.objects.exists()


def recording_of(execution: Execution) -> Rosbag:
    recorded = Rosbag.objects.create(name="recorded", origin=Origin.RECORDED, status="ready")
    Recording.objects.create(stage_run=execution.stage_runs.get(), unit=0, rosbag=recorded)
    return recorded


def test_purge_removes_executions_and_recordings(design: Design) -> None:
    admin = client(Role.ADMIN)
    simulation, other = design(), design(name="other")
    recorded, kept = recording_of(ended(simulation)), recording_of(ended(other))
    deletion = admin.post(f"{API}/simulations/{simulation.pk}/purge").json()
    again = admin.post(f"{API}/simulations/{simulation.pk}/purge")
    assert (again.status_code, again.json()["code"]) == (409, "DELETION_OPEN")
    refused = admin.post(f"{API}/simulations/{simulation.pk}/restore")
    assert (refused.status_code, refused.json()["code"]) == (409, "DELETION_OPEN")
    assert tasks.delete.func(deletion["id"]) == DeletionStatus.COMPLETED
    assert set(Simulation.objects.all()) == {other}
    assert Execution.objects.get().simulation == other
    assert not Rosbag.objects.filter(pk=recorded.pk).exists()
    assert Rosbag.objects.filter(pk=kept.pk).exists()
    told = admin.get(f"{API}/deletions/{deletion['id']}").json()
    assert {step["status"] for step in told["steps"]} == {"COMPLETED"}


def test_purge_keeps_recordings_played_by_templates(design: Design) -> None:
    simulation = design()
    recorded = recording_of(ended(simulation))
    templates.create(name="from the recording", rosbag=recorded)
    deletion = deletions.request(simulation, permanent=True)
    assert deletions.run(deletion.pk) == DeletionStatus.COMPLETED
    assert Rosbag.objects.filter(pk=recorded.pk).exists()


def test_deletion_of_killed_worker_is_recovered_once(design: Design, settings: Any) -> None:
    deletion = deletions.request(design(), permanent=True)
    assert recover() == 0
    old = timezone.now() - timedelta(seconds=settings.TASK_LEASE_SECONDS + 1)
    Deletion.objects.filter(pk=deletion.pk).update(status=DeletionStatus.RUNNING, enqueued_at=old)
    assert recover() == 1
    assert recover() == 0
    assert deletions.run(deletion.pk) == DeletionStatus.COMPLETED
    assert not Simulation.objects.exists()


def test_deletion_waits_for_redis(design: Design, monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = design()
    ended(simulation)
    deletion = deletions.request(simulation, permanent=True)

    def away(_execution: int) -> None:
        raise LiveAwayError("Redis does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(snapshots, "delete_all", away)
        assert deletions.run(deletion.pk) == DeletionStatus.RUNNING
    deletion.refresh_from_db()
    assert (deletion.error, deletion.progress) == ("Redis does not answer", 25)
    assert deletions.run(deletion.pk) == DeletionStatus.COMPLETED
    deletion.refresh_from_db()
    assert (deletion.error, deletion.progress) == ("", 100)


def test_bulk_delete_reports_each_result(operator: APIClient, design: Design) -> None:
    free, busy = design(name="free"), design(name="busy")
    lifecycle.start(busy)
    answer = operator.post(
        f"{API}/simulations/bulk/delete", {"ids": [free.pk, busy.pk, 987654, free.pk]}
    )
    assert answer.status_code == 200, answer.content
    told = {each["id"]: (each["done"], each["code"]) for each in answer.json()["results"]}
    assert told == {
        free.pk: (True, ""),
        busy.pk: (False, "ALREADY_RUNNING"),
        987654: (False, "NOT_FOUND"),
    }
    for wrong in ({"ids": []}, {"ids": ["x"]}, {}, {"ids": list(range(1, 502))}, {"ids": [10**30]}):
        assert operator.post(f"{API}/simulations/bulk/delete", wrong).status_code == 400


def test_list_filters(operator: APIClient, design: Design, template: Template) -> None:
    done, failed, running, _new = (design(name=n) for n in ("done", "failed", "running", "new"))
    ended(done)
    ended(failed, "FAILED")
    lifecycle.start(running)
    address = f"{API}/simulations"
    assert names(operator.get(f"{address}?status=COMPLETED&status=FAILED")) == ["failed", "done"]
    assert names(operator.get(f"{address}?running=true")) == ["running"]
    assert names(operator.get(f"{address}?running=false")) == ["new", "failed", "done"]
    assert names(operator.get(f"{address}?search=fail")) == ["failed"]
    assert names(operator.get(f"{address}?template={template.pk}&ordering=name")) == sorted(
        ["done", "failed", "new", "running"]
    )
    assert names(operator.get(f"{address}?template=1000000")) == []
    assert names(operator.get(f"{address}?created_after=2999-01-01T00:00:00Z")) == []
    row = operator.get(f"{address}?search=running").json()["results"][0]
    assert (row["stage_count"], row["agent_count"], row["latest_status"]) == (1, 2, "PENDING")
    assert "stages" not in row
    for wrong in (
        "status=GONE",
        "mec=x",
        "template=1.5",
        "created_after=soon",
        "mec=1e999",
        "mec=0",
        f"mec={10**30}",
    ):
        assert operator.get(f"{address}?{wrong}").status_code == 400, wrong


def test_lists_take_one_query(
    operator: APIClient, design: Design, django_assert_num_queries: Any
) -> None:
    for number in range(3):
        ended(design(name=f"s{number}"))
    with django_assert_num_queries(1):
        operator.get(f"{API}/simulations")
    with django_assert_num_queries(1):
        operator.get(f"{API}/executions")
    for number in range(3, 12):
        ended(design(name=f"s{number}"))
    with django_assert_num_queries(1):
        assert len(operator.get(f"{API}/simulations").json()["results"]) == 12
    with django_assert_num_queries(1):
        assert len(operator.get(f"{API}/executions").json()["results"]) == 12


def test_run_again_with_same_plan_or_latest_design(
    operator: APIClient, design: Design, template: Template
) -> None:
    simulation = design(2)
    first = ended(simulation)
    operator.patch(
        f"{API}/simulations/{simulation.pk}",
        {"stages": [{"template": template.pk, "agent_count": 5}]},
    )
    address = f"{API}/executions/{first.pk}/again"
    same = operator.post(address, {"plan": "same"}, headers={"Idempotency-Key": "a"})
    assert same.status_code == 202, same.content
    twice = operator.post(address, {"plan": "same"}, headers={"Idempotency-Key": "a"})
    assert twice.json() == same.json()
    assert operator.post(address, {}).json()["code"] == "ALREADY_RUNNING"
    made = Execution.objects.get(pk=same.json()["id"])
    first.refresh_from_db()
    assert (made.plan, made.again_of, made.number) == (first.plan, first, 2)
    Execution.objects.filter(pk=made.pk).update(status=RunStatus.STOPPED)
    latest = operator.post(address, {"plan": "latest"}).json()
    assert Execution.objects.get(pk=latest["id"]).plan["stages"][0]["agents"] == 5
    assert operator.post(address, {"plan": "other"}).status_code == 400


def test_run_again_is_refused_if_rosbag_changed(
    operator: APIClient, design: Design, rosbag: Rosbag
) -> None:
    first = ended(design())
    Rosbag.objects.filter(pk=rosbag.pk).update(content_digest="another")
    refused = operator.post(f"{API}/executions/{first.pk}/again", {"plan": "same"})
    assert (refused.status_code, refused.json()["code"]) == (422, "NOT_STARTABLE")
    assert refused.json()["errors"][0]["pointer"] == "/stages/0/rosbag"


def test_bulk_stop_reports_each_result(operator: APIClient, design: Design) -> None:
    active, done = lifecycle.start(design(name="a")), ended(design(name="b"))
    told = operator.post(f"{API}/executions/bulk/stop", {"ids": [active.pk, done.pk]}).json()
    assert [(each["done"], each["code"]) for each in told["results"]] == [
        (True, ""),
        (False, "NOT_RUNNING"),
    ]
    active.refresh_from_db()
    assert active.status == RunStatus.STOPPING


def test_late_deletion_keeps_live_state_of_new_execution(
    operator: APIClient, design: Design, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation = design()
    old = ended(simulation)
    asked = deletions.request(simulation)
    deletions.restore(simulation)
    new = lifecycle.start(simulation)
    forgotten: list[int] = []
    monkeypatch.setattr(snapshots, "delete_all", forgotten.append)
    assert deletions.run(asked.pk) == DeletionStatus.COMPLETED
    assert forgotten == [old.pk]
    assert Execution.objects.get(pk=new.pk).status == RunStatus.PENDING
