"""The console's pages of mecs."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from common.admin.changelists import BoundedListMixin
from common.admin.deletion import ServiceDeletionMixin
from common.admin.errors import DomainErrorFormMixin, DomainErrorMixin
from simulations.admin.formatting import list_url
from simulations.models import Mec
from simulations.services.designs import mecs
from simulations.services.runs import usage


class MecForm(DomainErrorFormMixin, forms.ModelForm[Mec]):
    """The fields of a mec."""

    class Meta:
        model = Mec
        fields = [
            "name",
            "slug",
            "enabled",
            "transport",
            "endpoint",
            "discovery",
            "domain_id",
            "node_selector",
        ]

    def clean_node_selector(self) -> dict[str, str]:
        selector = self.cleaned_data["node_selector"] or {}
        if errors := mecs.selector_errors(selector):
            raise forms.ValidationError(errors)
        return dict(selector)


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
    list_display = ["name", "transport", "endpoint", "domain_id", "enabled", "used"]
    more_columns = ["slug", "discovery", "created_at", "updated_at"]
    search_help_text = _("Name, slug or endpoint")
    empty_text = _("A system under test says how agents reach it. Add the first one.")
    list_filter = ["enabled", "transport", "discovery"]
    search_fields = ["name", "slug", "endpoint"]
    readonly_fields = ["created_at", "updated_at"]
    prepopulated_fields = {"slug": ["name"]}
    actions = ["delete_selected"]

    def get_changelist(self, request: HttpRequest, **_kwargs: Any) -> type[ChangeList]:
        return MecList

    def get_prepopulated_fields(self, request: HttpRequest, obj: Mec | None = None) -> Any:
        """Propose a slug only for new mecs: programs may know those of existing ones."""
        return super().get_prepopulated_fields(request, obj) if obj is None else {}

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
        return ngettext("%d mec was deleted.", "%d mecs were deleted.", count) % count

    def deletion_errors(self, rows: list[Any]) -> list[str]:
        users = mecs.simulation_names(rows)
        errors = [f"{mec}: {mecs.in_use_message(users[mec.pk])}" for mec in rows if mec.pk in users]
        return errors + list(filter(None, map(usage.use_of_mec, rows)))
