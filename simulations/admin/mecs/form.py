"""The form of a system under test."""

from typing import Any

from django import forms

from common.admin.errors import DomainErrorFormMixin
from simulations.models import Mec
from simulations.services.designs import mecs


class MecForm(DomainErrorFormMixin, forms.ModelForm[Mec]):
    """The fields of a system under test."""

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
        widgets = {"node_selector": forms.Textarea(attrs={"rows": 3, "cols": 60})}

    def clean_node_selector(self) -> dict[str, str]:
        selector = self.cleaned_data["node_selector"] or {}
        if errors := mecs.selector_errors(selector):
            raise forms.ValidationError(errors)
        return dict(selector)

    def clean(self) -> Any:
        """Refuse a link that leads nowhere, beside the field where an endpoint would help."""
        values = super().clean() or self.cleaned_data
        for error in mecs.link_errors(Mec(**{**values, "pk": None})):
            self.add_field_error(error)
        return values
