"""People of every role, and clients that speak for them."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User

PASSWORD = "a long enough password"  # noqa: S105


@pytest.fixture
def people(db: None) -> dict[Role, User]:
    return {
        role: User.objects.create_user(f"{role}@example.org", PASSWORD, role=role) for role in Role
    }


@pytest.fixture
def client_of(people: dict[Role, User]) -> Callable[[Role], APIClient]:
    def client(role: Role) -> APIClient:
        made = APIClient()
        made.force_authenticate(people[role])
        return made

    return client
