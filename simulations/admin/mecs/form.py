"""The form of a system under test."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from common.admin.errors import DomainErrorFormMixin
from simulations.models import Mec
from simulations.models.mec import LINK_FIELDS
from simulations.services.designs import mecs
from simulations.services.designs.placement import (
    selector_errors,
    toleration_errors,
)

EMPTY: dict[str, Any] = {"endpoint": "", "addresses": [], "secret": ""}
"""Fields that are emptied where the transport does not use them; others keep a value to come back to."""


class LinesField(forms.CharField):
    """Texts, one in each line."""

    widget = forms.Textarea(attrs={"rows": 3, "cols": 60, "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]
        return str(value or "").split()

    def has_changed(self, initial: Any, data: Any) -> bool:
        return list(initial or []) != self.to_python(data)


class MecForm(DomainErrorFormMixin, forms.ModelForm[Mec]):
    """The fields of a system under test."""

    addresses = LinesField(
        label=_("Addresses"),
        required=False,
        help_text=_(
            "One in each line: hosts of static peers such as 192.0.2.7, or discovery servers such as "
            "192.0.2.7:11811."
        ),
    )

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
            "addresses",
            "zenoh_mode",
            "attachment",
            "secret",
            "node_selector",
            "tolerations",
        ]
        widgets = {
            name: forms.Textarea(attrs={"rows": 3, "cols": 60, "spellcheck": "false"})
            for name in ("node_selector", "tolerations")
        }

    def clean_node_selector(self) -> dict[str, str]:
        selector = self.cleaned_data["node_selector"] or {}
        if errors := selector_errors(selector):
            raise forms.ValidationError(errors)
        return dict(selector)

    def clean_tolerations(self) -> list[Any]:
        tolerations = self.cleaned_data["tolerations"] or []
        if errors := toleration_errors(tolerations):
            raise forms.ValidationError(errors)
        return list(tolerations)

    def clean(self) -> Any:
        """Drop what the transport does not use, and refuse a link that leads nowhere.

        The page hides the fields that a transport does not use, and what was written there before.
        """
        values = super().clean() or self.cleaned_data
        used = mecs.USED_FIELDS.get(values.get("transport", ""), LINK_FIELDS)
        for name in EMPTY.keys() - set(used):
            values[name] = EMPTY[name]
            self.errors.pop(name, None)
        if not self.errors.keys() & set(LINK_FIELDS):
            for error in mecs.link_errors(Mec(**{**values, "pk": None})):
                self.add_field_error(error)
        return values
