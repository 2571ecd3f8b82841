"""The admin of API tokens."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.choices import Scope
from accounts.models import ApiToken
from accounts.services import api_tokens
from common.admin.actions import ObjectActionsMixin
from common.admin.badges import badge
from common.admin.changelists import BoundedListMixin
from common.admin.confirmation import Question, Refusals, confirm, is_confirmed
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
class ApiTokenAdmin(ObjectActionsMixin, BoundedListMixin, admin.ModelAdmin[Any]):
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
    fieldsets = (
        (None, {"fields": ("name", "user", "state", "prefix", "scope_words")}),
        (_("Dates"), {"fields": ("created_at", "last_used_at", "expires_at", "revoked_at")}),
    )
    readonly_fields = ("state", "scope_words")
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
        return ", ".join(str(scope.label) for scope in Scope if scope in token.scopes)

    @admin.display(description=_("it may"))
    def scope_words(self, token: ApiToken) -> str:
        """List what the token may do, as far as its owner may."""
        return format_html_join("", "{}<br>", ((Scope(s).label,) for s in token.granted_scopes()))

    def object_actions(self, row: ApiToken) -> list[str]:
        return [] if row.revoked_at else ["revoke"]

    @admin.action(description=_("Revoke"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, rows: QuerySet[ApiToken]) -> HttpResponse | None:
        """Ask first: it cannot be undone."""
        if not is_confirmed(request):
            return confirm(
                self,
                request,
                rows,
                Question(action="revoke", effect=self.revoke_effect, refusals=_revoked_already),
            )
        count = api_tokens.revoke(rows)
        text = ngettext("%(n)d token was revoked.", "%(n)d tokens were revoked.", count)
        self.message_user(request, text % {"n": count}, messages.SUCCESS)
        return None


def _revoked_already(rows: list[ApiToken]) -> Refusals:
    reason = str(_("It is revoked already."))
    return {row.pk: reason for row in rows if row.revoked_at is not None}
