"""The admin of the audit."""

from typing import Any

from auditlog.models import LogEntry
from auditlog.registry import auditlog
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from accounts.admin.audit import csv_export, sentences
from accounts.admin.audit.filters import ActionFilter, KindFilter, PeriodFilter, WhoFilter
from accounts.services.audit import histories
from common.admin.changelists import BoundedListMixin
from common.admin.times import moment

admin.site.unregister(LogEntry)


@admin.register(LogEntry)
class AuditAdmin(BoundedListMixin, admin.ModelAdmin[Any]):
    """The audit: read only, filtered, and as CSV."""

    change_list_template = "accounts/console/audit.html"
    change_form_template = "accounts/console/audit_entry.html"
    list_display = ("when", "what", "who")
    more_columns = ("address",)
    list_select_related = ("actor",)
    list_filter = (WhoFilter, ActionFilter, KindFilter, PeriodFilter)
    search_fields = ("object_repr", "=object_pk", "actor_email")
    search_help_text = _("Name or id of the thing, or e-mail address of the author")
    empty_text = _("Nothing was changed, started or tested that fits.")
    ordering = ("-pk",)
    fields = ()
    actions = ()

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.export_view)
        return [path("export/", view, name="auditlog_logentry_export"), *super().get_urls()]

    def kinds(self) -> dict[str, type[Model]]:
        """Return the kinds of things that are audited, by their labels."""
        models = {*auditlog.get_models(), *histories.more_models}
        return {m._meta.label_lower: m for m in sorted(models, key=lambda m: m._meta.label_lower)}  # noqa: SLF001

    @admin.display(description=_("what happened"))
    def what(self, entry: LogEntry) -> str:
        return sentences.linked(entry)

    @admin.display(description=_("who"), ordering="actor_email")
    def who(self, entry: LogEntry) -> str:
        return sentences.who(entry)

    @admin.display(description=_("when"), ordering="pk")
    def when(self, entry: LogEntry) -> str:
        return moment(entry.timestamp)

    @admin.display(description=_("address"), ordering="remote_addr")
    def address(self, entry: LogEntry) -> str:
        return entry.remote_addr or "-"

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Answer with the filtered entries as CSV."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            rows = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:  # as Django does for the list itself
            url = reverse("admin:auditlog_logentry_changelist")
            return HttpResponseRedirect(f"{url}?{ERROR_FLAG}=1")
        name = f"audit-{timezone.localtime():%Y-%m-%d-%H%M}.csv"
        response = StreamingHttpResponse(csv_export.lines(rows), content_type="text/csv")
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        entry: LogEntry = context["original"]
        context |= {
            "title": capfirst(sentences.sentence(entry)),
            "subtitle": None,
            "thing": sentences.thing(entry),
            "who": sentences.who(entry),
            "changes": sentences.changes(entry),
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
