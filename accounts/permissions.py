"""What each role may do, in the API and in the console."""

from typing import TYPE_CHECKING, Any

from django.contrib.auth.backends import ModelBackend
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts.choices import Role
from accounts.models import User

if TYPE_CHECKING:
    from rest_framework.views import APIView  # importing it loads this module

OPERATED_APPS = frozenset({"storage", "templates", "simulations"})


def verbs(role: Role, app_label: str) -> frozenset[str]:
    """List what a role below admin may do with the models of an app."""
    if role.covers(Role.OPERATOR) and app_label in OPERATED_APPS:
        return frozenset({"view", "add", "change", "delete"})
    return frozenset({"view"})


class RolePermission(BasePermission):
    """Viewers read, operators write; a view may ask for more.

    `required_role` on a view holds for every method, `write_role` for those that change something.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        user = request.user
        if not isinstance(user, User):
            return False
        reads = request.method in SAFE_METHODS
        usual = Role.VIEWER if reads else getattr(view, "write_role", Role.OPERATOR)
        return user.has_role(getattr(view, "required_role", usual))


class RoleBackend(ModelBackend):
    """Sign-in by e-mail and password; the console's rights follow the role, there are no groups."""

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        if not isinstance(user_obj, User) or not user_obj.is_active:
            return False
        app_label, _, codename = perm.partition(".")
        return user_obj.is_superuser or codename.split("_")[0] in verbs(
            Role(user_obj.role), app_label
        )

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return isinstance(user_obj, User) and user_obj.is_active

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Answer none: no list is kept, ask `has_perm`."""
        return set()
