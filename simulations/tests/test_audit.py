"""Changes of designs are in the audit, also those that the services write row by row."""

from typing import Any

import pytest
from auditlog.models import LogEntry
from rest_framework.test import APIClient

from accounts.services.audit import histories
from simulations.choices import Stopper
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Design
from storage.models import Rosbag
from templates.models import Template

pytestmark = pytest.mark.django_db
API = "/api/v1"


def changes(admin: APIClient, kind: str) -> list[dict[str, Any]]:
    """Return the audited changes of one kind of row, the oldest first."""
    entries = admin.get(f"{API}/audit?object_type={kind}").json()["results"]
    return [entry["changes"] for entry in reversed(entries)]


def test_simulation_changes_are_audited(
    admin: APIClient, design: Design, template: Template
) -> None:
    simulation = design(2)
    one = f"{API}/simulations/{simulation.pk}"
    LogEntry.objects.all().delete()
    admin.patch(one, {"name": "other"})
    admin.patch(one, {"name": "other"})
    admin.patch(one, {"stages": [{"template": template.pk, "agent_count": 7}]})
    admin.delete(one)
    admin.post(f"{one}/restore")
    entries = changes(admin, "simulations.simulation")
    assert entries[0] == {"name": ["drive", "other"]}
    assert [set(change) for change in entries] == [
        {"name"},
        {"stages"},
        {"deleted_at"},
        {"deleted_at"},
    ]
    assert "'agent_count': 7" in entries[1]["stages"][1]
    assert entries[3]["deleted_at"][1] == "None"


def test_rosbag_changes_are_audited(admin: APIClient, rosbag: Rosbag) -> None:
    one = f"{API}/rosbags/{rosbag.pk}"
    LogEntry.objects.all().delete()
    admin.patch(one, {"name": "other"})
    admin.delete(one)
    admin.post(f"{one}/restore")
    entries = changes(admin, "storage.rosbag")
    assert entries[0] == {"name": ["bag", "other"]}
    assert [set(change) for change in entries[1:]] == [{"deleted_at"}, {"deleted_at"}]


def test_template_changes_are_audited(admin: APIClient, template: Template) -> None:
    one = f"{API}/templates/{template.pk}"
    LogEntry.objects.all().delete()
    admin.patch(one, {"rate": 2})
    admin.delete(one)
    admin.post(f"{one}/restore")
    entries = changes(admin, "templates.template")
    assert entries[0] == {"rate": ["1.0", "2.0"]}
    assert [set(change) for change in entries[1:]] == [{"deleted_at"}, {"deleted_at"}]


def actions(admin: APIClient) -> list[dict[str, Any]]:
    """Return the audited entries about executions, the oldest first."""
    entries = admin.get(f"{API}/audit?object_type=simulations.execution").json()["results"]
    return [
        {name: entry[name] for name in ("action", "object_name", "actor_email", "values")}
        for entry in reversed(entries)
    ]


def test_starts_and_stops_by_api_are_audited(
    admin: APIClient, operator: APIClient, design: Design
) -> None:
    simulation = design()
    execution = operator.post(f"{API}/simulations/{simulation.pk}/start").json()["id"]
    operator.post(f"{API}/executions/{execution}/stop")
    simulation.executions.update(status="STOPPED")
    admin.post(f"{API}/executions/{execution}/again")
    one = {"object_name": "drive #1", "actor_email": "operator@example.org", "values": {}}
    assert actions(admin) == [
        {**one, "action": "start"},
        {**one, "action": "stop"},
        {
            "action": "start_again",
            "object_name": "drive #2",
            "actor_email": "admin@example.org",
            "values": {"again_of": 1},
        },
    ]
    refused = operator.post(f"{API}/executions/{execution}/stop")
    assert refused.status_code == 409
    assert len(actions(admin)) == 3


def test_starts_and_stops_by_programs_are_audited(admin: APIClient, design: Design) -> None:
    execution = lifecycle.start(design())
    lifecycle.stop(execution, stopped_by=Stopper.RESTORE)
    started, stopped = actions(admin)
    assert (started["action"], started["actor_email"]) == ("start", None)
    assert (stopped["action"], stopped["values"]) == ("stop", {"stopper": "restore"})
    entries = histories.entries(execution.simulation)
    assert {"drive #1"} <= {entry.object_repr for entry in entries}
