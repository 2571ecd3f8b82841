"""The stages inside the page of their simulation: checked as a whole, ordered by their positions."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from common.exceptions import FieldError
from simulations.models import Simulation, Stage
from simulations.services.designs import simulations

SPEC_FIELDS = [
    "template",
    "agent_count",
    "execution_time",
    "repeat_count",
    "delay_after",
    "name",
    "assigned_area",
    "retries",
    "min_success",
    "continue_on_failure",
]


class KnownChoice(AutocompleteSelect):
    """Choice of a template whose present one need not be asked for: a page asks once for all its rows."""

    def optgroups(self, name: str, value: Sequence[str], attr: Any = None) -> list[Any]:
        known: dict[str, str] = getattr(self, "known", {})
        if not set(value).issubset(known):
            return list(super().optgroups(name, value, attr))
        options = [self.create_option(name, each, known[each], True, 0) for each in value]  # noqa: FBT003
        return [(None, options, 0)]


class StageForm(forms.ModelForm[Stage]):
    """One stage; an empty position puts it at the end."""

    position = forms.IntegerField(
        label=_("Position"),
        required=False,
        min_value=1,
        max_value=9999,
        help_text=_("Stages run in this order; empty: the last."),
    )

    class Meta:
        model = Stage
        fields = ["position", *SPEC_FIELDS]

    def validate_constraints(self) -> None:
        """Leave positions alone: they are given anew, in order, when all is saved."""


class StageFormSet(forms.BaseInlineFormSet[Stage, Simulation, StageForm]):
    """The stages of one design, checked as a whole by the rules of the service."""

    def add_fields(self, form: StageForm, index: int | None) -> None:
        super().add_fields(form, index)
        widget: Any = form.fields["template"].widget
        getattr(widget, "widget", widget).known = self._names()

    def validate_unique(self) -> None:
        """Take equal positions: of those the upper one comes first."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        forms_ = self._kept()
        pattern = self.instance.pattern or "sequential"
        for error in simulations.field_errors("-", pattern, "/a", self.specs()):
            self._show(error, forms_)

    def specs(self) -> list[simulations.StageSpec]:
        """The stages as they are to be, in order of their positions."""
        rows = [form.cleaned_data for form in self._kept()]
        return [simulations.StageSpec(**{name: row[name] for name in SPEC_FIELDS}) for row in rows]

    def _kept(self) -> list[StageForm]:
        filled = [
            form
            for form in self.forms
            if form.cleaned_data.get("template") and not form.cleaned_data.get("DELETE")
        ]
        return sorted(filled, key=lambda form: form.cleaned_data["position"] or float("inf"))

    def _show(self, error: FieldError, rows: list[StageForm]) -> None:
        """Put an error beside its field, or above all stages."""
        parts = error.pointer.strip("/").split("/")
        if parts[0] != "stages":
            return  # the design's own, shown by its form
        if len(parts) == 1:
            self._non_form_errors.append(error.detail)  # type: ignore[attr-defined]
            return
        form = rows[int(parts[1])]
        field = parts[2] if len(parts) > 2 and parts[2] in form.fields else None  # noqa: PLR2004
        form.add_error(field, error.detail)

    def _names(self) -> dict[str, str]:
        """Names of the templates that the stages have now, asked for once."""
        if not hasattr(self, "_known"):
            rows = self.get_queryset()
            self._known = {str(stage.template_id): str(stage.template) for stage in rows}
            self._known[""] = ""
        return self._known


class StageInline(admin.StackedInline[Stage, Simulation]):
    """The stages of a simulation."""

    model = Stage
    form = StageForm
    formset: Any = StageFormSet
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("template", "agent_count"),
                    ("repeat_count", "execution_time"),
                    ("position", "delay_after"),
                ]
            },
        ),
        (
            _("More"),
            {
                "classes": ["collapse"],
                "fields": [
                    ("name", "assigned_area"),
                    ("retries", "min_success", "continue_on_failure"),
                ],
            },
        ),
    ]
    autocomplete_fields = ["template"]
    ordering = ["position"]
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Stage]:
        return super().get_queryset(request).select_related("template")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **words: Any) -> Any:
        if db_field.name == "template" and "widget" not in words:
            words["widget"] = KnownChoice(db_field, self.admin_site, using=words.get("using"))
        return super().formfield_for_foreignkey(db_field, request, **words)
