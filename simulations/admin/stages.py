"""The stages on the page of their simulation, validated together and ordered by position."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from common.admin.fields import RowSelect
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
    "lost_messages_allowed",
    "continue_on_failure",
    "no_messages_allowed",
]


class TemplateSelect(RowSelect):
    """Template field that shows the current choice from `names`, without a query for each stage."""

    def optgroups(self, name: str, value: Sequence[str], attr: Any = None) -> list[Any]:
        names: dict[str, str] = getattr(self, "names", {})
        if not set(value).issubset(names):
            return list(super().optgroups(name, value, attr))
        options = [self.create_option(name, pk, names[pk], True, 0) for pk in value]  # noqa: FBT003
        return [(None, options, 0)]


class StageForm(forms.ModelForm[Stage]):
    """One stage; without a position it becomes the last."""

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
        """Accept any positions: saving renumbers them in order."""


class StageFormSet(forms.BaseInlineFormSet[Stage, Simulation, StageForm]):
    """The stages of one simulation, validated together by the service."""

    def add_fields(self, form: StageForm, index: int | None) -> None:
        super().add_fields(form, index)
        widget: Any = form.fields["template"].widget
        getattr(widget, "widget", widget).names = self._template_names()

    def validate_unique(self) -> None:
        """Accept equal positions: of these, the upper form comes first."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        rows = self._filled_forms()
        pattern = self.instance.pattern or "sequential"
        for error in simulations.field_errors("-", pattern, "/a", self.specs()):
            self._show(error, rows)

    def specs(self) -> list[simulations.StageSpec]:
        """Return the submitted stages in order of their positions."""
        rows = [form.cleaned_data for form in self._filled_forms()]
        return [simulations.StageSpec(**{name: row[name] for name in SPEC_FIELDS}) for row in rows]

    def _filled_forms(self) -> list[StageForm]:
        filled = [
            form
            for form in self.forms
            if form.cleaned_data.get("template") and not form.cleaned_data.get("DELETE")
        ]
        return sorted(filled, key=lambda form: form.cleaned_data["position"] or float("inf"))

    def _show(self, error: FieldError, rows: list[StageForm]) -> None:
        """Show an error at its field, or above all stages."""
        parts = error.pointer.strip("/").split("/")
        if parts[0] != "stages":
            return  # shown by the form of the simulation
        if len(parts) == 1:
            self._non_form_errors.append(error.detail)  # type: ignore[attr-defined]
            return
        form = rows[int(parts[1])]
        field = parts[2] if len(parts) > 2 and parts[2] in form.fields else None  # noqa: PLR2004
        form.add_error(field, error.detail)

    def _template_names(self) -> dict[str, str]:
        """Return the names of the templates in use, by id as text; queried once."""
        if not hasattr(self, "_names"):
            rows = self.get_queryset()
            self._names = {str(stage.template_id): str(stage.template) for stage in rows}
            self._names[""] = ""
        return self._names


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
                    ("retries", "min_success"),
                    ("lost_messages_allowed", "no_messages_allowed", "continue_on_failure"),
                ],
            },
        ),
    ]
    autocomplete_fields = ["template"]
    ordering = ["position"]
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Stage]:
        return super().get_queryset(request).select_related("template")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "template" and "widget" not in kwargs:
            kwargs["widget"] = TemplateSelect(db_field, self.admin_site, using=kwargs.get("using"))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)
