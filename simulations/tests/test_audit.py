"""Changes of designs are in the audit, also those that the services write row by row."""

from collections.abc import Callable
from typing import Any

import pytest
from auditlog.models import LogEntry
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from simulations.models import Simulation
from storage.models import Rosbag
from templates.models import Template

pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture
def admin(db: None) -> APIClient:
    client = APIClient()
    client.force_authenticate(User.objects.create_user("a@example.org", role=Role.ADMIN))
    return client


def changes(admin: APIClient, kind: str) -> list[dict[str, Any]]:
    """What the audit tells of one kind of row, the oldest first."""
    told = admin.get(f"{API}/audit?object_type={kind}").json()["results"]
    return [entry["changes"] for entry in reversed(told)]


def test_simulation_changes_are_audited(
    admin: APIClient, design: Callable[..., Simulation], template: Template
) -> None:
    simulation = design(2)
    one = f"{API}/simulations/{simulation.pk}"
    LogEntry.objects.all().delete()
    admin.patch(one, {"name": "other"})
    admin.patch(one, {"name": "other"})
    admin.patch(one, {"stages": [{"template": template.pk, "agent_count": 7}]})
    admin.delete(one)
    admin.post(f"{one}/restore")
    told = changes(admin, "simulations.simulation")
    assert told[0] == {"name": ["drive", "other"]}
    assert [set(each) for each in told] == [{"name"}, {"stages"}, {"deleted_at"}, {"deleted_at"}]
    assert "'agent_count': 7" in told[1]["stages"][1]
    assert told[3]["deleted_at"][1] == "None"


def test_rosbag_changes_are_audited(admin: APIClient, rosbag: Rosbag) -> None:
    one = f"{API}/rosbags/{rosbag.pk}"
    LogEntry.objects.all().delete()
    admin.patch(one, {"name": "other"})
    admin.delete(one)
    admin.post(f"{one}/restore")
    told = changes(admin, "storage.rosbag")
    assert told[0] == {"name": ["bag", "other"]}
    assert [set(each) for each in told[1:]] == [{"deleted_at"}, {"deleted_at"}]


def test_template_changes_are_audited(admin: APIClient, template: Template) -> None:
    one = f"{API}/templates/{template.pk}"
    LogEntry.objects.all().delete()
    admin.patch(one, {"rate": 2})
    admin.delete(one)
    admin.post(f"{one}/restore")
    told = changes(admin, "templates.template")
    assert told[0] == {"rate": ["1.0", "2.0"]}
    assert [set(each) for each in told[1:]] == [{"deleted_at"}, {"deleted_at"}]
