"""Rights in the console: whatever a role may not do is refused, and not shown."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.auth import get_permission_codename
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

HISTORY = "admin.view_logentry"


def right(verb: str) -> Callable[[Any, HttpRequest], bool]:
    """Return the method `has_<verb>_permission` of a `ModelAdmin`, for actions with `permissions=[verb]`."""

    def has_permission(self: Any, request: HttpRequest) -> bool:
        codename = get_permission_codename(verb, self.opts)
        return bool(request.user.has_perm(f"{self.opts.app_label}.{codename}"))

    return has_permission


def may_run(model_admin: Any, request: HttpRequest, action: str) -> bool:
    """Tell whether this is an action of the page and the user has its permissions."""
    if not has_action(model_admin, action):
        return False
    permissions = getattr(model_admin.get_action(action)[0], "allowed_permissions", ())
    return all(getattr(model_admin, f"has_{name}_permission")(request) for name in permissions)


def has_action(model_admin: Any, action: str) -> bool:
    """Tell whether the page has this action, for some role."""
    return action in model_admin.actions or action in dict(model_admin.admin_site.actions)


def user_text(field: str, description: Any) -> Any:
    """Return a column with the user of a field as text.

    Django shows a foreign key as a link, also to users who may not open the page of the account.
    """

    def text(row: Any) -> str:
        user = getattr(row, field)
        return "-" if user is None else str(user)

    text.__name__ = field
    return admin.display(description=description)(text)


class RightsMixin:
    """Refuse actions and histories without their rights; for the bases, before `ModelAdmin`.

    A history is that of the audit, which the site has: it also knows what programs and the API did.
    """

    get_object: Any
    admin_site: Any

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Answer 403 to an action without its rights; Django alone answers that none was selected."""
        action = request.POST.get("action", "")
        if has_action(self, action) and not may_run(self, request, action):
            raise PermissionDenied
        response: HttpResponse = super().changelist_view(request, extra_context)  # type: ignore[misc]
        return response

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Show who changed a row to those who may see the audit."""
        if not request.user.has_perm(HISTORY):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        history = {} if row is None else self.admin_site.history_of(row)
        context = {**history, **(extra_context or {})}
        response: HttpResponse = super().history_view(request, object_id, context)  # type: ignore[misc]
        return response
