"""Permissions of the roles, in the API and in the console, from one access table."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from axes.backends import AxesStandaloneBackend
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest
from django.utils.module_loading import import_string
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.choices import Role, Scope
from accounts.models import User

if TYPE_CHECKING:
    from rest_framework.views import APIView  # importing it loads this module


@dataclass(frozen=True)
class Rule:
    """The role and scope needed to call a method of a route.

    `role` None admits everyone; `scope` None refuses API tokens, whatever their scopes.
    """

    role: Role | None
    scope: Scope | None


AccessTable = Mapping[str, Mapping[str, Rule]]
"""Rules by name of the route and HTTP method; in the console by model and verb."""


@cache
def access_table() -> AccessTable:
    """Import the table of the API that `settings.ACCESS_TABLE` names."""
    rules: AccessTable = import_string(settings.ACCESS_TABLE)
    return rules


@cache
def console_table() -> AccessTable:
    """Import the table of the console that `settings.CONSOLE_ACCESS_TABLE` names."""
    rules: AccessTable = import_string(settings.CONSOLE_ACCESS_TABLE)
    return rules


def permission_rule(permission: str) -> Rule | None:
    """Return the rule of a permission such as `storage.view_rosbag`; None: nobody has it."""
    app_label, _dot, codename = permission.partition(".")
    verb, _underscore, model = codename.partition("_")
    return console_table().get(f"{app_label}.{model}", {}).get(verb)


def rule_of(route: str | None, method: str | None) -> Rule | None:
    """Return the rule of a method, where HEAD is like GET; None: nobody may call it."""
    return access_table().get(route or "", {}).get("GET" if method == "HEAD" else method or "")


def allows(rule: Rule | None, user: Any, scopes: frozenset[str] | None) -> bool:
    """Tell whether a rule admits this user; `scopes` are those of an API token, None without one."""
    if rule is None:
        return False
    if rule.role is None:
        return True
    if not isinstance(user, User) or not user.has_role(rule.role):
        return False
    return scopes is None or rule.scope in scopes


class RolePermission(BasePermission):
    """Checks the access table; a route or a method without a rule is refused."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if request.method not in view.allowed_methods:
            raise MethodNotAllowed(str(request.method))  # else 403, as it has no rule
        match = request.resolver_match
        route = match.view_name if match else None
        scopes = getattr(request.auth, "scopes", None)
        scopes = None if scopes is None else frozenset(scopes)
        if request.method == "OPTIONS":
            return any(allows(rule, request.user, scopes) for rule in rules_of(route))
        return allows(rule_of(route, request.method), request.user, scopes)


def rules_of(route: str | None) -> list[Rule]:
    """Return the rules of all methods of a route."""
    return list(access_table().get(route or "", {}).values())


class RoleBackend(AxesStandaloneBackend, ModelBackend):  # type: ignore[misc]
    """Signs in by e-mail and password; the access table decides permissions, for admins too."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Authenticate as Django does, unless too many wrong passwords have locked the account."""
        AxesStandaloneBackend.authenticate(self, request, username, password, **kwargs)
        return ModelBackend.authenticate(self, request, username, password, **kwargs)

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        return allows(permission_rule(perm), user_obj, None)

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return any(
            allows(rule, user_obj, None)
            for model, rules in console_table().items()
            if model.startswith(f"{app_label}.")
            for rule in rules.values()
        )

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Return none: permissions are computed by `has_perm`."""
        return set()
