"""The admin of systems under test."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from common.admin.actions import admin_url
from common.admin.changelists import BoundedListMixin
from common.admin.confirmation import Refusals
from common.admin.deletion import ServiceDeletionMixin
from common.admin.errors import DomainErrorMixin
from common.admin.refresh import script_texts
from common.admin.rights import right
from common.admin.times import moment
from simulations.admin.formatting import list_url
from simulations.admin.mecs import page
from simulations.admin.mecs.form import MecForm
from simulations.choices import Transport
from simulations.exceptions import SimulationError
from simulations.models import Mec
from simulations.services.designs import mec_probes, mecs
from simulations.services.runs import usage

LINK_ORDER = (
    *("transport", "endpoint", "zenoh_mode", "discovery", "addresses"),
    *("domain_id", "attachment", "secret"),
)


class MecList(ChangeList):
    """A page of mecs with the number of simulations that use each, counted in one query."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        using = Mec.objects.filter(pk__in=[mec.pk for mec in self.result_list]).order_by()
        living = Count("simulations", filter=Q(simulations__deleted_at=None))
        counts = dict(using.values_list("pk").annotate(used=living))
        for mec in self.result_list:
            mec.used = counts.get(mec.pk, 0)


@admin.register(Mec)
class MecAdmin(DomainErrorMixin, ServiceDeletionMixin, BoundedListMixin, admin.ModelAdmin[Mec]):
    """Systems under test."""

    form = MecForm
    change_form_template = "simulations/console/mec.html"
    list_display = ["name", "connection", "state", "tested", "used"]
    more_columns = ["slug", "domain_id", "created_at", "updated_at"]
    search_help_text = _("Name, slug or endpoint")
    empty_text = _("A system under test says how agents reach it. Add the first one.")
    list_filter = ["enabled", "transport", "discovery"]
    search_fields = ["name", "slug", "endpoint"]
    prepopulated_fields = {"slug": ["name"]}
    fieldsets = [
        (None, {"fields": ["name", "slug", "enabled"]}),
        (_("Connection"), {"fields": [*LINK_ORDER]}),
        (_("Placement of units"), {"fields": ["node_selector", "tolerations"]}),
    ]
    actions = ["delete_selected"]
    deletion_effect = _("They are deleted permanently. Executions keep what they ran with.")
    has_test_permission = right("test")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.test_view)
        part = self.admin_site.admin_view(self.part_view)
        urls = [
            path("<int:pk>/test/", view, name="simulations_mec_test"),
            path("<int:pk>/part/<slug:part>/", part, name="simulations_mec_part"),
        ]
        return [*urls, *super().get_urls()]

    def part_view(self, request: HttpRequest, pk: int, part: str) -> HttpResponse:
        """Answer with the state or the last test as they are now."""
        mec = self.get_object(request, str(pk))
        if not self.has_view_permission(request, mec):
            raise PermissionDenied
        if mec is None or part not in page.PARTS:
            raise Http404
        context = page.test_context(mec) | {"original": mec}
        return render(request, f"simulations/console/mec_{part}.html", context)

    def test_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Test it, then show its page with the result."""
        if not self.has_test_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        mec = self.get_object(request, str(pk))
        if mec is None:
            raise Http404
        try:
            mec_probes.start(mec, requested_by=request.user)  # type: ignore[arg-type]
        except SimulationError as error:
            self.message_user(request, str(error), messages.ERROR)
        return HttpResponseRedirect(admin_url(mec))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        mec = context.get("original")
        context["mec_fields"] = {
            "used": mecs.USED_FIELDS,
            "addressed": sorted(mecs.ADDRESSED),
            "by_addresses": [Transport.ROS2],
            "texts": {},  # it has none: only names
        }
        context["mec_texts"] = script_texts() | {"live": ""}
        if mec is not None:
            may_test = mec.enabled and self.has_test_permission(request)
            context |= page.context(mec) | {"may_test": may_test}
        return super().render_change_form(request, context, *args, **kwargs)

    def get_changelist(self, request: HttpRequest, **_kwargs: Any) -> type[ChangeList]:
        return MecList

    def get_prepopulated_fields(self, request: HttpRequest, obj: Mec | None = None) -> Any:
        """Propose a slug only for new mecs: programs may know those of existing ones."""
        return super().get_prepopulated_fields(request, obj) if obj is None else {}

    @admin.display(description=_("connection"), ordering="endpoint")
    def connection(self, mec: Mec) -> str:
        """Show transport and address."""
        return page.connection(mec)

    @admin.display(description=_("state"), ordering="enabled")
    def state(self, mec: Mec) -> str:
        return page.state_badge(mec)

    @admin.display(description=_("last test"), ordering="last_tested_at")
    def tested(self, mec: Mec) -> str:
        return moment(mec.last_tested_at)

    @admin.display(description=_("simulations"))
    def used(self, mec: Any) -> str:
        if not mec.used:
            return "0"
        return format_html(
            '<a href="{}">{}</a>', list_url("simulation", mec__id__exact=mec.pk), mec.used
        )

    def save_model(self, request: HttpRequest, obj: Mec, form: Any, change: Any) -> None:
        """Write it through the service."""
        if change:
            mecs.update(obj, **form.cleaned_data)
        else:
            obj.pk = mecs.create(**form.cleaned_data).pk
            obj.refresh_from_db()

    def delete_row(self, request: HttpRequest, row: Mec) -> None:
        mecs.delete(row)

    def deleted_message(self, count: int) -> str:
        return (
            ngettext(
                "%d system under test was deleted.", "%d systems under test were deleted.", count
            )
            % count
        )

    def deletion_refusals(self, rows: list[Any]) -> Refusals:
        users = mecs.simulation_names(rows)
        reasons = {
            mec.pk: mecs.in_use_message(users[mec.pk]) if mec.pk in users else usage.use_of_mec(mec)
            for mec in rows
        }
        return {pk: reason for pk, reason in reasons.items() if reason}
