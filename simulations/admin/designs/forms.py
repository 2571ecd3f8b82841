"""The form of a simulation without its stages, validated by the service."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import gettext_lazy as _

from common.admin.errors import DomainErrorFormMixin
from common.exceptions import FieldError
from simulations.exceptions import SimulationChangedError
from simulations.models import Simulation
from simulations.services.designs import simulations


class HiddenText(forms.CharField):
    """A hidden value that a browser does not restore when it shows the page again."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.HiddenInput(attrs={"autocomplete": "off"})
        super().__init__(required=False, max_length=64, widget=widget, **kwargs)


class SimulationForm(DomainErrorFormMixin, forms.ModelForm[Simulation]):
    """The fields of a simulation; `read_at` is its last change when the page was made."""

    data: Any
    read_at = HiddenText()
    start_key = HiddenText(initial=lambda: uuid4().hex)

    class Meta:
        model = Simulation
        fields = [
            "name",
            "description",
            "pattern",
            "mec",
            "namespace_prefix",
            "concurrent_executions",
        ]
        labels = {"mec": _("System under test")}
        widgets = {"description": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "label_suffix": ""})
        if self.instance.pk:
            self.initial["read_at"] = self.instance.updated_at.isoformat()

    def clean(self) -> Any:
        values = super().clean()
        texts = [self.cleaned_data.get(name) for name in ("name", "pattern", "namespace_prefix")]
        if all(texts):
            name, pattern, prefix = map(str, texts)
            existing = self.instance if self.instance.pk else None
            errors = simulations.field_errors(name, pattern, prefix, [])
            for error in errors + simulations.name_errors(name, existing):
                self.add_field_error(error)
        self._refuse_if_changed()
        return values

    def add_field_error(self, error: FieldError) -> None:
        """Show an error, except those of stages, which their formset shows."""
        if not error.pointer.startswith("/stages"):
            super().add_field_error(error)

    def values(self) -> dict[str, Any]:
        """Return the values of the simulation's fields."""
        return {name: self.cleaned_data[name] for name in self.Meta.fields}

    def read_time(self) -> datetime | None:
        """Return the time of the last change that the user saw; None if the form does not tell."""
        read_at = self.cleaned_data.get("read_at")
        return datetime.fromisoformat(read_at) if read_at else None

    def _refuse_if_changed(self) -> None:
        """Refuse a form of an older page once; the form that is then shown is as of now."""
        stored, read_at = self.initial.get("read_at"), self.cleaned_data.get("read_at")
        if not (stored and read_at) or stored == read_at:
            return
        self.add_field_error(FieldError("", str(SimulationChangedError())))
        self.data = {**self.data.dict(), self.add_prefix("read_at"): stored}
