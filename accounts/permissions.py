"""What each role may do, in the API and in the console."""

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

OPERATED_APPS = frozenset({"storage", "templates", "simulations"})
ADMIN_APPS = frozenset({"auditlog", "axes"})
"""Who did what, and who tried which password: only admins look at it."""


def verbs(role: Role, app_label: str) -> frozenset[str]:
    """List what a role below admin may do with the models of an app."""
    if role.covers(Role.OPERATOR) and app_label in OPERATED_APPS:
        return frozenset({"view", "add", "change", "delete"})
    return frozenset() if app_label in ADMIN_APPS else frozenset({"view"})


@dataclass(frozen=True)
class Rule:
    """Who may call one method of one address.

    `role` None lets anybody call it; `scope` None refuses the tokens of programs, whatever their scopes.
    """

    role: Role | None
    scope: Scope | None


Table = Mapping[str, Mapping[str, Rule]]
"""Rules by name of the address and HTTP method."""


@cache
def table() -> Table:
    """The table that `settings.ACCESS_TABLE` names."""
    found: Table = import_string(settings.ACCESS_TABLE)
    return found


def rule_of(route: str | None, method: str | None) -> Rule | None:
    """The rule of a method; HEAD is like GET. None: the table has no row, nobody may call it."""
    return table().get(route or "", {}).get("GET" if method == "HEAD" else method or "")


def allows(rule: Rule | None, user: Any, scopes: frozenset[str] | None) -> bool:
    """Whether a rule lets this user in; `scopes` are those of a program's token, None for a person."""
    if rule is None:
        return False
    if rule.role is None:
        return True
    if not isinstance(user, User) or not user.has_role(rule.role):
        return False
    return scopes is None or rule.scope in scopes


class RolePermission(BasePermission):
    """Asks the one table of rules; an address or a method without a row is closed."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if request.method not in view.allowed_methods:
            raise MethodNotAllowed(str(request.method))  # else 403: there can be no row for it
        match = request.resolver_match
        route = match.view_name if match else None
        scopes = getattr(request.auth, "scopes", None)
        granted = None if scopes is None else frozenset(scopes)
        if request.method == "OPTIONS":
            return any(allows(rule, request.user, granted) for rule in rules_of(route))
        return allows(rule_of(route, request.method), request.user, granted)


def rules_of(route: str | None) -> list[Rule]:
    """The rules of all methods of an address."""
    return list(table().get(route or "", {}).values())


class RoleBackend(AxesStandaloneBackend, ModelBackend):  # type: ignore[misc]
    """Sign-in by e-mail and password; the console's rights follow the role, there are no groups."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """As in Django, unless too many wrong passwords were tried: then nobody comes in for a while."""
        AxesStandaloneBackend.authenticate(self, request, username, password, **kwargs)
        return ModelBackend.authenticate(self, request, username, password, **kwargs)

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        if not isinstance(user_obj, User) or not user_obj.is_active:
            return False
        app_label, _, codename = perm.partition(".")
        return user_obj.is_superuser or codename.split("_")[0] in verbs(
            Role(user_obj.role), app_label
        )

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        if not isinstance(user_obj, User) or not user_obj.is_active:
            return False
        return user_obj.is_superuser or bool(verbs(Role(user_obj.role), app_label))

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Answer none: no list is kept, ask `has_perm`."""
        return set()
