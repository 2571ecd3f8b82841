"""Deleting, restoring and purging simulations."""

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.choices import Role
from common.db import leases
from common.recovery import recover
from simulations import tasks
from simulations.choices import DeletionStatus, RunStatus
from simulations.exceptions import RedisUnreachableError
from simulations.live import snapshots
from simulations.models import Deletion, Execution, Recording, Simulation
from simulations.services.maintenance import deletion as deletions
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Design, api_client, ended_execution, names
from storage.choices import Origin
from storage.models import Rosbag
from templates.services import templates

pytestmark = pytest.mark.django_db
API = "/api/v1"


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
    data = operator.get(answer["Location"]).json()
    assert (data["status"], data["progress"], data["requested_by"]) == (
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
        api_client(Role.ADMIN).post(f"{API}/simulations/{simulation.pk}/purge"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "ALREADY_RUNNING")
    assert Simulation.objects.living().get() == simulation
    assert not Deletion.objects.exists()


def recording_of(execution: Execution) -> Rosbag:
    recorded = Rosbag.objects.create(name="recorded", origin=Origin.RECORDED, status="ready")
    Recording.objects.create(stage_run=execution.stage_runs.get(), unit=0, rosbag=recorded)
    return recorded


def test_purge_removes_executions_and_recordings(design: Design) -> None:
    admin = api_client(Role.ADMIN)
    simulation, other = design(), design(name="other")
    recorded, kept = recording_of(ended_execution(simulation)), recording_of(ended_execution(other))
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
    data = admin.get(f"{API}/deletions/{deletion['id']}").json()
    assert {step["status"] for step in data["steps"]} == {"COMPLETED"}


def test_purge_keeps_recordings_played_by_templates(design: Design) -> None:
    simulation = design()
    recorded = recording_of(ended_execution(simulation))
    templates.create(name="from the recording", rosbag=recorded)
    deletion = deletions.request(simulation, permanent=True)
    assert deletions.run(deletion.pk) == DeletionStatus.COMPLETED
    assert Rosbag.objects.filter(pk=recorded.pk).exists()


def test_deletion_of_killed_worker_is_recovered_once(design: Design) -> None:
    deletion = deletions.request(design(), permanent=True)
    assert recover() == 0
    old = timezone.now() - leases.patience()
    Deletion.objects.filter(pk=deletion.pk).update(status=DeletionStatus.RUNNING, enqueued_at=old)
    assert recover() == 1
    assert recover() == 0
    assert deletions.run(deletion.pk) == DeletionStatus.COMPLETED
    assert not Simulation.objects.exists()


def test_deletion_waits_for_redis(design: Design, monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = design()
    ended_execution(simulation)
    deletion = deletions.request(simulation, permanent=True)

    def away(_execution: int) -> None:
        raise RedisUnreachableError("Redis does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(snapshots, "delete_all", away)
        assert deletions.run(deletion.pk) == DeletionStatus.RUNNING
    deletion.refresh_from_db()
    assert (deletion.error, deletion.progress) == ("Redis does not answer", 25)
    assert deletions.run(deletion.pk) == DeletionStatus.COMPLETED
    deletion.refresh_from_db()
    assert (deletion.error, deletion.progress) == ("", 100)


def test_late_deletion_keeps_live_state_of_new_execution(
    operator: APIClient, design: Design, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation = design()
    old = ended_execution(simulation)
    row = deletions.request(simulation)
    deletions.restore(simulation)
    new = lifecycle.start(simulation)
    forgotten: list[int] = []
    monkeypatch.setattr(snapshots, "delete_all", forgotten.append)
    assert deletions.run(row.pk) == DeletionStatus.COMPLETED
    assert forgotten == [old.pk]
    assert Execution.objects.get(pk=new.pk).status == RunStatus.PENDING
