"""Deletion of rows that active executions use is refused, and the executions are named."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from rest_framework.test import APIClient

from accounts.choices import Role
from simulations.models import Execution, Mec
from simulations.services.designs import mecs
from simulations.services.designs.simulations import update_simulation
from simulations.services.maintenance import retention
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Console, Design
from storage.models import Rosbag
from templates.models import Template
from templates.services import templates

pytestmark = pytest.mark.django_db
TEXT = "in use by executions that have not ended: drive #1."


@pytest.fixture
def execution(design: Design, template: Template, rosbag: Rosbag, mec: Mec) -> Execution:
    """An active one; its template plays another bag by now, and its simulation has another mec."""
    simulation = design()
    execution = lifecycle.start(simulation)
    other = Rosbag.objects.create(name="other", status="ready")
    templates.update(template, rosbag=other)
    elsewhere = mecs.ensure("elsewhere", name="Elsewhere", transport="null")
    update_simulation(simulation, mec=elsewhere)
    return execution


@pytest.fixture
def used(template: Template, rosbag: Rosbag, mec: Mec) -> dict[str, Any]:
    return {"template": template, "rosbag": rosbag, "mec": mec}


@pytest.mark.parametrize("kind", ["template", "rosbag", "mec"])
def test_api(admin: APIClient, execution: Execution, used: dict[str, Any], kind: str) -> None:
    row = used[kind]
    path = f"/api/v1/{kind}s/{row.pk}"
    refused = admin.delete(path)
    assert (refused.status_code, refused.json()["code"]) == (409, f"{kind.upper()}_IN_USE")
    assert TEXT in refused.json()["detail"]
    Execution.objects.update(status="COMPLETED")
    assert admin.delete(path).status_code == 204


@pytest.mark.parametrize("kind", ["template", "rosbag"])
def test_bulk_deletion(
    admin: APIClient, execution: Execution, used: dict[str, Any], kind: str
) -> None:
    body = {"ids": [used[kind].pk]}
    [result] = admin.post(f"/api/v1/{kind}s/bulk/delete", body).json()["results"]
    assert (result["done"], result["code"]) == (False, f"{kind.upper()}_IN_USE")
    assert TEXT in result["detail"]


@pytest.mark.parametrize(
    ("kind", "app"), [("template", "templates"), ("rosbag", "storage"), ("mec", "simulations")]
)
def test_console(
    console: Console, execution: Execution, used: dict[str, Any], kind: str, app: str
) -> None:
    row, client = used[kind], console(Role.ADMIN)
    path = f"/admin/{app}/{kind}/"
    selected = {"action": "delete_selected", "_selected_action": row.pk}
    assert TEXT in client.post(path, selected).content.decode()  # before it is confirmed
    answer = client.post(f"{path}{row.pk}/delete/", {"post": "yes"})
    messages = [str(message) for message in get_messages(answer.wsgi_request)]
    assert [TEXT in message for message in messages] == [True] or TEXT in answer.content.decode()
    row.refresh_from_db()
    assert getattr(row, "deleted_at", None) is None


@pytest.mark.parametrize("purge", [retention.purge, lambda age: retention.prune()])
def test_maintenance_keeps_it(
    execution: Execution,
    template: Template,
    rosbag: Rosbag,
    settings: Any,
    purge: Callable[[timedelta], Any],
) -> None:
    """Deleted by a version that did not ask; or a recording that is older than its retention."""
    settings.RETENTION_DAYS = {**settings.RETENTION_DAYS, "recordings": 0}
    Execution.objects.get().simulation.stages.all().delete()
    Rosbag.objects.filter(pk=rosbag.pk).update(origin="recorded")
    if purge is retention.purge:
        Rosbag.objects.filter(pk=rosbag.pk).hide()
        Template.objects.filter(pk=template.pk).hide()
    purge(timedelta(0))
    assert Rosbag.objects.filter(pk=rosbag.pk).exists()
    assert Template.objects.filter(pk=template.pk).exists()


def test_many_executions_are_named_up_to_a_limit(
    admin: APIClient, design: Design, template: Template
) -> None:
    simulation = update_simulation(design(), concurrent_executions=True)
    for _number in range(7):
        lifecycle.start(simulation)
    detail = admin.delete(f"/api/v1/templates/{template.pk}").json()["detail"]
    assert "drive #1, drive #2, drive #3, drive #4, drive #5, …" in detail
