"""The stages on the page of their simulation, validated together and ordered by position."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from common.admin.fields import RowSelect, is_id
from common.exceptions import DomainError, FieldError
from simulations.models import Simulation, Stage
from simulations.services.designs import simulations
from templates.models import Template

MAIN_FIELDS = (
    "template",
    "agent_count",
    "repeat_count",
    "execution_time",
    "delay_after",
)
MORE_FIELDS = (
    "name",
    "assigned_area",
    "retries",
    "min_success",
    "lost_messages_allowed",
    "continue_on_failure",
    "no_messages_allowed",
)
SPEC_FIELDS = (*MAIN_FIELDS, *MORE_FIELDS)


def spec_of(form: forms.ModelForm[Stage]) -> simulations.StageSpec:
    """Return the stage that a valid form describes."""
    return simulations.StageSpec(**{name: form.cleaned_data[name] for name in SPEC_FIELDS})


def _changed_fields(before: simulations.StageSpec, form: forms.ModelForm[Stage]) -> list[str]:
    after = spec_of(form)
    names = [
        name
        for name in MAIN_FIELDS[1:] + MORE_FIELDS
        if getattr(before, name) != getattr(after, name)
    ]
    return [*(["template"] if before.template_id != after.template_id else []), *names]


class PlainNumberInput(forms.NumberInput):
    """Number without needless decimals."""

    def format_value(self, value: Any) -> str | None:
        return f"{value:g}" if isinstance(value, float) else super().format_value(value)


class TemplateSelect(RowSelect):
    """Template widget that shows the current choice from `rows`, without a query for each stage."""

    rows: ClassVar[dict[str, Template]] = {}

    def optgroups(self, name: str, value: Sequence[str], attr: Any = None) -> list[Any]:
        blank = [self.create_option(name, "", "", True, 0)]  # noqa: FBT003
        chosen = [
            self.create_option(name, pk, str(self.rows[pk]), True, 0)  # noqa: FBT003
            for pk in value
            if pk in self.rows
        ]
        return [(None, chosen or blank, 0)]


class TemplateField(forms.ModelChoiceField[Template]):
    """Template of a stage, found among the `rows` of its formset."""

    rows: ClassVar[dict[str, Template]] = {}

    def to_python(self, value: Any) -> Template | None:
        if value in self.empty_values:
            return None
        row = self.rows.get(str(value))
        if row is None:
            raise forms.ValidationError(self.error_messages["invalid_choice"], "invalid_choice")
        return row


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
        labels = {
            "agent_count": _("Agents"),
            "repeat_count": _("Passes"),
            "execution_time": _("Time limit (s)"),
            "delay_after": _("Delay after (s)"),
        }
        help_texts = {"repeat_count": _("Full passes.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "label_suffix": ""})

    def _get_validation_exclusions(self) -> set[str]:
        """Leave the values to the service: the model would query for each stage and constraint."""
        return {*super()._get_validation_exclusions(), *SPEC_FIELDS}  # type: ignore[misc]


class StageFormSet(forms.BaseInlineFormSet[Stage, Simulation, StageForm]):
    """The stages of one simulation, validated together by the service.

    Saving replaces all stages, so what is submitted has no ids: stages that somebody else has changed or
    removed meanwhile do not matter, and none of the submitted ones is lost.
    """

    domain_error: DomainError | None = None
    """Why a service refused the form, if it did; see `DomainErrorMixin`."""

    def initial_form_count(self) -> int:
        return 0 if self.is_bound else super().initial_form_count()

    def add_fields(self, form: StageForm, index: int | None) -> None:
        super().add_fields(form, index)
        if self.is_bound:
            del form.fields["id"]
        field: Any = form.fields["template"]
        field.rows = getattr(field.widget, "widget", field.widget).rows = self._templates

    def validate_unique(self) -> None:
        """Accept equal positions: of these, the upper form comes first."""

    def clean(self) -> None:
        super().clean()
        rows = [form for form in self.filled_forms() if not form.errors]
        specs = [spec_of(form) for form in rows]
        pattern = self.instance.pattern or "sequential"
        refused = self.domain_error.errors if self.domain_error else ()
        for error in [*refused, *simulations.field_errors("-", pattern, "/a", specs)]:
            self.show(error, rows)

    def specs(self) -> list[simulations.StageSpec]:
        """Return the submitted stages in order of their positions."""
        return [spec_of(form) for form in self.filled_forms()]

    def filled_forms(self) -> list[StageForm]:
        """Return the forms of the submitted stages in order of their positions."""
        filled = [
            form
            for form in self.forms
            if form.has_changed() and not form.cleaned_data.get("DELETE")
        ]
        return sorted(filled, key=lambda form: form.cleaned_data.get("position") or float("inf"))

    def show(self, error: FieldError, rows: list[StageForm]) -> None:
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

    def list_changes(self, before: list[simulations.StageSpec]) -> None:
        """List what differs from the stages before, for the history of the simulation."""
        forms_ = self.filled_forms()
        pairs = list(zip_longest(before, forms_))
        stages = [Stage(position=position) for position in range(1, len(pairs) + 1)]
        numbered = list(zip(stages, pairs, strict=True))
        self.new_objects = [stage for stage, (old, _new) in numbered if old is None]
        self.deleted_objects = [stage for stage, (_old, new) in numbered if new is None]
        changes = [
            (stage, _changed_fields(old, new)) for stage, (old, new) in numbered if old and new
        ]
        self.changed_objects = [(stage, names) for stage, names in changes if names]

    @cached_property
    def _templates(self) -> dict[str, Template]:
        """The templates of stored and submitted stages, by id as text."""
        rows = {stage.template_id: stage.template for stage in self.get_queryset()}
        names = [self.add_prefix(index) + "-template" for index in range(self._submitted_count())]
        texts = {str(self.data.get(name, "")) for name in names}
        texts |= {str(values.get("template", "")) for values in self.initial_extra or ()}
        ids = {int(t) for t in texts if is_id(t)} - rows.keys()
        if ids:
            rows |= Template.objects.in_bulk(ids)
        return {str(pk): template for pk, template in rows.items()}

    def _submitted_count(self) -> int:
        return self.total_form_count() if self.is_bound else 0


class StageInline(admin.StackedInline[Stage, Simulation]):
    """The stages of a simulation."""

    model = Stage
    form = StageForm
    formset: Any = StageFormSet
    template: Any = "simulations/console/design/stages.html"
    fieldsets = [
        (None, {"fields": [("position", *MAIN_FIELDS)]}),
        (_("More"), {"fields": [MORE_FIELDS]}),
    ]
    autocomplete_fields = ["template"]
    ordering = ["position"]
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Stage]:
        return super().get_queryset(request).select_related("template")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(field, forms.FloatField):
            field.widget = PlainNumberInput(attrs=field.widget.attrs)
        if db_field.name == "template":
            field.widget.can_change_related = field.widget.can_delete_related = False
        return field

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "template" and "widget" not in kwargs:
            kwargs["widget"] = TemplateSelect(db_field, self.admin_site, using=kwargs.get("using"))
            kwargs["form_class"] = TemplateField
        return super().formfield_for_foreignkey(db_field, request, **kwargs)
