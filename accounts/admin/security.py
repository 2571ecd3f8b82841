"""Admin pages of API tokens, failed and revoked sign-ins, the audit log and idempotency keys."""

from typing import Any

from auditlog.admin import LogEntryAdmin
from auditlog.filters import ResourceTypeFilter
from auditlog.models import LogEntry
from axes.models import AccessAttempt
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import ApiToken, IdempotencyKey, RevokedSignIn
from accounts.services import api_tokens
from common.admin.changelists import BoundedListMixin
from common.admin.rights import right


@admin.register(ApiToken)
class ApiTokenAdmin(BoundedListMixin, admin.ModelAdmin[Any]):
    """API tokens; their owners create them through the API, admins revoke them here."""

    list_display = ("name", "prefix", "user", "scopes", "last_used_at", "expires_at", "revoked_at")
    list_select_related = ("user",)
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    search_fields = ("name", "prefix", "user__email")
    exclude = ("digest",)
    actions = ("revoke",)
    has_revoke_permission = right("revoke")

    @admin.action(description=_("Revoke the selected tokens"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, rows: QuerySet[ApiToken]) -> None:
        count = api_tokens.revoke(rows)
        text = ngettext("%(n)d token was revoked.", "%(n)d tokens were revoked.", count)
        self.message_user(request, text % {"n": count}, messages.SUCCESS)


@admin.register(AccessAttempt)
class AccessAttemptAdmin(BoundedListMixin, admin.ModelAdmin[Any]):
    """Wrong passwords by account and address; deleting a row unlocks the account."""

    list_display = ("username", "ip_address", "failures_since_start", "attempt_time", "user_agent")
    search_fields = ("username", "=ip_address")
    fields = ("username", "ip_address", "user_agent", "failures_since_start", "attempt_time")


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
