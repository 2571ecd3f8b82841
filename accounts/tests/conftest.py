"""Users of every role, and clients authenticated as them."""

from collections.abc import Callable, Iterator
from threading import Barrier, Thread
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import caches
from django.db import connection
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User

PASSWORD = "a long enough password"  # noqa: S105
API = settings.API_STR
SIGN_IN = f"{API}/auth/signin"
REFRESH = f"{API}/auth/refresh"
ME = f"{API}/me"


@pytest.fixture(autouse=True)
def own_redis(empty_redis: None) -> None:
    """Start without sign-ins and counters of other tests."""


@pytest.fixture
def people(db: None) -> dict[Role, User]:
    return {
        role: User.objects.create_user(f"{role}@example.org", PASSWORD, role=role) for role in Role
    }


@pytest.fixture
def client_of(people: dict[Role, User]) -> Callable[[Role], APIClient]:
    def client(role: Role) -> APIClient:
        api_client = APIClient()
        api_client.force_authenticate(people[role])
        return api_client

    return client


@pytest.fixture
def redis_unavailable(settings: Any) -> Iterator[None]:
    """Point Django to a port where no Redis listens."""
    unreachable = {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {**settings.CACHES, "default": unreachable}
    yield
    caches["default"].close()


def sign_in(email: str, password: str = PASSWORD) -> dict[str, Any]:
    """Sign in and return the response data."""
    answer = APIClient().post(SIGN_IN, {"email": email, "password": password})
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def bearer_client(token: str) -> APIClient:
    """Return a client that sends this token."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def run_in_parallel(count: int, call: Callable[[int], Any]) -> list[Any]:
    """Call from several threads at once and return the results, or exceptions, of all."""
    barrier = Barrier(count)
    results: list[Any] = [None] * count

    def run(number: int) -> None:
        try:
            barrier.wait(30)
            results[number] = call(number)
        except Exception as error:  # noqa: BLE001  returned to the test
            results[number] = error
        finally:
            connection.close()

    threads = [Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results
