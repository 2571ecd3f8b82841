"""Rules of the access table: roles and scopes."""

import pytest

from accounts.choices import Role, Scope
from accounts.models import User
from accounts.permissions import Rule, allows, permission_rule, rule_of

READS = Rule(Role.VIEWER, Scope.READ)
WRITES = Rule(Role.OPERATOR, Scope.DESIGN)
ADMINISTERS = Rule(Role.ADMIN, Scope.ADMIN)


@pytest.mark.parametrize(
    ("rule", "allowed"),
    [
        (READS, {Role.VIEWER, Role.OPERATOR, Role.ADMIN}),
        (WRITES, {Role.OPERATOR, Role.ADMIN}),
        (ADMINISTERS, {Role.ADMIN}),
    ],
)
def test_rules_admit_roles(people: dict[Role, User], rule: Rule, allowed: set[Role]) -> None:
    assert {role for role, user in people.items() if allows(rule, user, None)} == allowed


def test_deactivated_user_is_refused(people: dict[Role, User]) -> None:
    admin = people[Role.ADMIN]
    admin.is_active = False
    assert not allows(READS, admin, None)


def test_token_needs_the_scope_and_its_owner_the_role(people: dict[Role, User]) -> None:
    assert allows(WRITES, people[Role.OPERATOR], frozenset({Scope.DESIGN}))
    assert not allows(WRITES, people[Role.OPERATOR], frozenset({Scope.READ, Scope.RUN}))
    assert not allows(WRITES, people[Role.VIEWER], frozenset(Scope))


def test_rule_without_scope_refuses_tokens(people: dict[Role, User]) -> None:
    rule = Rule(Role.VIEWER, None)
    assert allows(rule, people[Role.VIEWER], None)
    assert not allows(rule, people[Role.ADMIN], frozenset(Scope))


def test_missing_rule_refuses(people: dict[Role, User]) -> None:
    assert rule_of("no-such-address", "GET") is None
    assert rule_of(None, None) is None
    assert not allows(None, people[Role.ADMIN], None)


def test_head_is_like_get() -> None:
    assert rule_of("rosbag-list", "HEAD") == rule_of("rosbag-list", "GET")


def test_permission_without_a_rule_is_refused(people: dict[Role, User]) -> None:
    admin = people[Role.ADMIN]
    assert admin.has_perms(["accounts.view_user", "accounts.change_user"])
    for permission in ("storage.change_export", "sessions.view_session", "storage", "a.b", ""):
        assert permission_rule(permission) is None
        assert not admin.has_perm(permission)
    assert not admin.has_module_perms("sessions")


def test_deactivated_user_has_no_permissions(people: dict[Role, User]) -> None:
    admin = people[Role.ADMIN]
    admin.is_active = False
    assert not admin.has_perm("storage.view_rosbag")
    assert not admin.has_module_perms("storage")
