"""Admin pages of API tokens, failed and revoked sign-ins, the audit log and idempotency keys."""

from typing import Any

from auditlog.admin import LogEntryAdmin
from auditlog.filters import ResourceTypeFilter
from auditlog.models import LogEntry
from axes.models import AccessAttempt
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import ApiToken, IdempotencyKey, RevokedSignIn
from accounts.services import api_tokens
from common.admin.badges import badge
from common.admin.changelists import BoundedListMixin
from common.admin.confirmation import Refusals, confirm, is_confirmed
from common.admin.deletion import ServiceDeletionMixin
from common.admin.rights import right


class RevokedFilter(admin.SimpleListFilter):
    """Filter tokens by whether they were revoked."""

    title = _("revoked")
    parameter_name = "revoked"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, Any]]:
        return [("no", _("Not revoked")), ("yes", _("Revoked"))]

    def queryset(self, _request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return rows
        return rows.filter(revoked_at__isnull=self.value() == "no")


@admin.register(ApiToken)
class ApiTokenAdmin(BoundedListMixin, admin.ModelAdmin[Any]):
    """API tokens; their owners create them through the API, admins revoke them here."""

    list_display = ("name", "user", "state", "scope_names", "last_used_at", "expires_at")
    more_columns = ("prefix", "created_at", "revoked_at")
    list_select_related = ("user",)
    list_filter = (RevokedFilter,)
    search_fields = ("name", "prefix", "user__email")
    search_help_text = _("Name, prefix, or e-mail address of the owner")
    empty_text = _(
        "Programs sign in with API tokens, which their owners make by POST /me/tokens of the API."
    )
    exclude = ("digest",)
    actions = ("revoke",)
    revoke_effect = _(
        "Programs that use these tokens are refused at once. This cannot be undone: their owners "
        "make new tokens."
    )
    has_revoke_permission = right("revoke")

    @admin.display(description=_("state"))
    def state(self, token: ApiToken) -> str:
        if token.revoked_at is not None:
            return badge("bad", _("revoked"))
        return badge("ok", _("valid")) if token.is_valid() else badge("idle", _("expired"))

    @admin.display(description=_("scopes"))
    def scope_names(self, token: ApiToken) -> str:
        return ", ".join(token.scopes)

    @admin.action(description=_("Revoke the selected tokens"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, rows: QuerySet[ApiToken]) -> HttpResponse | None:
        """Ask first: it cannot be undone."""
        if not is_confirmed(request):
            return confirm(
                self,
                request,
                rows,
                action="revoke",
                effect=self.revoke_effect,
                refusals=_revoked_already,
            )
        count = api_tokens.revoke(rows)
        text = ngettext("%(n)d token was revoked.", "%(n)d tokens were revoked.", count)
        self.message_user(request, text % {"n": count}, messages.SUCCESS)
        return None


def _revoked_already(rows: list[ApiToken]) -> Refusals:
    reason = str(_("It is revoked already."))
    return {row.pk: reason for row in rows if row.revoked_at is not None}


@admin.register(AccessAttempt)
class AccessAttemptAdmin(ServiceDeletionMixin, BoundedListMixin, admin.ModelAdmin[Any]):
    """Wrong passwords by account and address; deleting a row unlocks the account."""

    actions = ("delete_selected",)
    deletion_effect = _("These accounts may sign in again at once from these addresses.")
    empty_text = _("Nobody has entered a wrong password lately.")
    search_help_text = _("E-mail address, or network address")

    list_display = ("username", "ip_address", "failures_since_start", "attempt_time")
    more_columns = ("user_agent",)
    search_fields = ("username", "=ip_address")
    fields = ("username", "ip_address", "user_agent", "failures_since_start", "attempt_time")

    def delete_row(self, request: HttpRequest, row: AccessAttempt) -> None:
        row.delete()

    def deleted_message(self, count: int) -> str:
        return ngettext("%d lock was removed.", "%d locks were removed.", count) % count


admin.site.unregister(LogEntry)


@admin.register(LogEntry)
class AuditAdmin(BoundedListMixin, LogEntryAdmin):  # type: ignore[misc]
    """The audit log, on the library's pages without their exact counts."""

    date_hierarchy = None
    list_display = ("created", "resource_url", "action", "msg_short", "user_url", "remote_addr")
    list_filter = ("action", ResourceTypeFilter)
    search_fields = ("object_repr", "=object_pk", "=actor_email")
    readonly_fields = ("created", "resource_url", "action", "user_url", "remote_addr", "msg")
    fieldsets = (
        (None, {"fields": ("created", "user_url", "remote_addr", "resource_url")}),
        (_("Changes"), {"fields": ("action", "msg")}),
    )


@admin.register(RevokedSignIn)
class RevokedSignInAdmin(BoundedListMixin, admin.ModelAdmin[Any]):
    """Sign-ins that have ended, whose access tokens may not have expired yet."""

    list_display = ("name", "revoked_at")
    search_fields = ("=name",)


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(BoundedListMixin, admin.ModelAdmin[Any]):
    """Idempotency keys and the stored responses."""

    list_display = ("key", "route", "user", "status_code", "created_at")
    list_select_related = ("user",)
    search_fields = ("=key", "route")
