"""The table of rules is complete, has no dead rows, and is what happens."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from rest_framework.test import APIClient

from accounts.choices import Role, Scope
from accounts.models import User
from robotsim_project.access import TABLE

DUMMY = {
    "pk": "999999999",
    "path": "no/such.file",
    "token": "none",
    "number": "1",
    "time_ns": "1",
    "id": "999999999",
    "name": "none",
}
OWN_CHECKS = {
    "root": "public greeting",
    "favicon": "public",
    "health-live": "for probes",
    "health-ready": "for probes",
    "health-db": "for probes",
    "health-redis": "for probes",
    "health-storage": "for probes",
    "metrics": "METRICS_TOKEN, or a signed-in admin",
    "storage-object": "the signed token in the URL",
    "unit-register": "the signed token of the unit's execution",
    "unit-report": "the signed token of the unit's execution",
    "unit-echo": "the signed token of the unit's execution",
    "unit-recording": "the signed token of the unit's execution",
    "unit-recording-complete": "the signed token of the unit's execution",
    "unit-recording-close": "the signed token of the unit's execution",
    "password-reset-page": "the token in the URL, which was sent by e-mail",
    "set_language": "public",
}
"""URL names that are not looked up in the table, with their own access check."""
ROWS = [(route, method) for route, methods in TABLE.items() for method in methods]


def named(patterns: list[Any], spaces: tuple[str, ...] = ()) -> Iterator[tuple[str, URLPattern]]:
    """Every address of the URL configuration with its name; those of the console are guarded by it."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = (*spaces, pattern.namespace) if pattern.namespace else spaces
            yield from named(pattern.url_patterns, inner)
        elif spaces[:1] != ("admin",):
            yield ":".join([*spaces, str(pattern.name)]), pattern


def methods_of(pattern: URLPattern) -> set[str]:
    """The HTTP methods that a view answers."""
    view = pattern.callback
    actions = getattr(view, "actions", None)
    if actions is not None:
        names = set(actions)
    else:
        cls = getattr(view, "view_class", getattr(view, "cls", None))
        names = {name for name in cls.http_method_names if hasattr(cls, name)} if cls else {"get"}
    return {name.upper() for name in names} - {"OPTIONS", "HEAD"}


ADDRESSES = list(named(get_resolver().url_patterns))


def test_every_address_has_a_row_or_a_guard_of_its_own() -> None:
    missing = {
        (route, method)
        for route, pattern in ADDRESSES
        if route not in OWN_CHECKS
        for method in methods_of(pattern) - set(TABLE.get(route, {}))
    }
    assert not missing


def test_no_row_is_dead() -> None:
    answered: dict[str, set[str]] = {}
    for route, pattern in ADDRESSES:
        answered.setdefault(route, set()).update(methods_of(pattern))
    assert {
        (route, method) for route, method in ROWS if method not in answered.get(route, ())
    } == set()
    assert set(OWN_CHECKS) <= set(answered)


def call(client: APIClient, route: str, method: str) -> int:
    """The status of a call that names rows which do not exist."""
    pattern = next(pattern for name, pattern in ADDRESSES if name == route)
    wanted = pattern.pattern.regex.groupindex if hasattr(pattern.pattern, "regex") else {}
    return int(
        client.generic(method, reverse(route, kwargs={n: DUMMY[n] for n in wanted})).status_code
    )


@pytest.mark.parametrize(("route", "method"), ROWS)
def test_the_table_is_what_happens(db: None, empty_redis: Any, route: str, method: str) -> None:
    rule = TABLE[route][method]
    opened = {"anonymous": call(APIClient(), route, method) not in (401, 403)}
    expected = {"anonymous": rule.role is None}
    users = {role: User.objects.create_user(f"{role}@example.org", role=role) for role in Role}
    for role, user in users.items():
        client = APIClient()
        client.force_authenticate(user)
        opened[role] = call(client, route, method) not in (401, 403)
        expected[role] = rule.role is None or role.includes(rule.role)
    for scope in Scope:
        client = APIClient()
        client.force_authenticate(users[Role.ADMIN], SimpleNamespace(scopes=[scope]))
        opened[f"token {scope}"] = call(client, route, method) not in (401, 403)
        expected[f"token {scope}"] = rule.role is None or rule.scope == scope
    assert opened == expected
