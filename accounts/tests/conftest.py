"""People of every role, and clients that speak for them."""

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
    """Sign-ins, counts and pauses of other tests do not reach this one."""


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


@pytest.fixture
def redis_away(settings: Any) -> Iterator[None]:
    """Nobody listens where Redis should be."""
    away = {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {**settings.CACHES, "default": away}
    yield
    caches["default"].close()


def signed_in(email: str, password: str = PASSWORD) -> dict[str, Any]:
    """What a sign-in answers."""
    answer = APIClient().post(SIGN_IN, {"email": email, "password": password})
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def bearer(token: str) -> APIClient:
    """A client that shows this token."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def at_once(count: int, call: Callable[[int], Any]) -> list[Any]:
    """Call from so many threads at the same moment; what each answered."""
    gate = Barrier(count)
    answers: list[Any] = [None] * count

    def run(number: int) -> None:
        try:
            gate.wait(30)
            answers[number] = call(number)
        except Exception as error:  # noqa: BLE001  the test looks at it
            answers[number] = error
        finally:
            connection.close()

    threads = [Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers
