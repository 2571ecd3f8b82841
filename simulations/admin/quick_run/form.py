"""The form of a quick run, validated by the service."""

import hashlib
import json
from typing import Any
from uuid import uuid4

from django import forms
from django.contrib.admin import AdminSite
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts.services.idempotency import IdempotentRequest
from common.admin.errors import DomainErrorFormMixin
from common.admin.fields import RowSelect, is_id
from common.exceptions import FieldError
from simulations.models import Mec
from simulations.services import quick_run
from simulations.services.quick_run import QuickRun
from storage.choices import Status
from storage.models import Rosbag
from templates.models import Template

ROUTE = "POST admin/quick-run"


class QuickRunForm(DomainErrorFormMixin, forms.Form):
    """Form of a quick run; `key` makes a double click one run."""

    rosbag = forms.ModelChoiceField(
        label=_("Rosbag"),
        queryset=Rosbag.objects.living(),
        help_text=_("The recording that every agent plays, with all its topics."),
        error_messages={"invalid_choice": _("There is no such rosbag: choose one that is ready.")},
    )
    agents = forms.IntegerField(
        label=_("Agents"),
        initial=quick_run.AGENTS,
        help_text=_(
            "Virtual robots that start together, each in a namespace of its own: /agent_1, …"
        ),
    )
    mec = forms.ModelChoiceField(
        label=_("System under test"),
        queryset=Mec.objects.filter(enabled=True).order_by("name", "pk"),
        required=False,
        help_text=_("The network to which the agents publish."),
    )
    rate = forms.FloatField(
        label=_("Rate"),
        initial=1,
        help_text=_("Factor of the recorded speed; 0: as fast as possible."),
    )
    passes = forms.IntegerField(
        label=_("Passes"), initial=1, help_text=_("How often each agent plays the rosbag.")
    )
    record = forms.BooleanField(
        label=_("Record"),
        initial=True,
        required=False,
        help_text=_("Record what is heard on the topics that the agents play, as a new rosbag."),
    )
    key = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def __init__(self, site: AdminSite, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.codes: set[str] = set()
        rosbag: Any = self.fields["rosbag"]
        rosbag.widget = RowSelect(Template._meta.get_field("rosbag"), site)  # noqa: SLF001
        rosbag.widget.choices = rosbag.choices
        mec: Any = self.fields["mec"]
        if not Mec.objects.exists():
            mec.empty_label = str(_("No network: agents only count"))
        elif mec.queryset.exists():
            mec.empty_label = None
        self.initial.setdefault("key", uuid4().hex)

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if not self.errors:
            for error in quick_run.field_errors(self.quick_run()):
                self.add_field_error(error)
        return values

    def add_field_error(self, error: FieldError) -> None:
        self.codes.add(error.code)
        super().add_field_error(error)

    def quick_run(self) -> QuickRun:
        """The submitted values, which have no errors of their fields."""
        values = {name: value for name, value in self.cleaned_data.items() if name != "key"}
        return QuickRun(**values)

    def initial_values(self) -> QuickRun:
        """The values that the page proposes."""
        return QuickRun(
            rosbag=self.chosen_rosbag, agents=quick_run.AGENTS, mec=quick_run.default_mec()
        )

    @cached_property
    def chosen_rosbag(self) -> Rosbag | None:
        """The rosbag of the form, whether or not it can be played."""
        value = str(self["rosbag"].value() or "")
        if not is_id(value):
            return None
        return Rosbag.objects.living().filter(pk=value).select_related("repaired").first()

    @property
    def is_waiting(self) -> bool:
        """Tell whether the verification of the rosbag is all that a start has to wait for."""
        rosbag = self.chosen_rosbag
        is_verifying = rosbag is not None and rosbag.status == Status.VERIFYING
        return is_verifying and self.codes == {"ROSBAG_NOT_READY"}

    def identity(self, user: Any) -> IdempotentRequest:
        """Key of the request, the same for a second click; other values on the same page are another."""
        names = sorted(set(self.cleaned_data) - {"key"})
        values = json.dumps([str(self.cleaned_data[name]) for name in names])
        digest = hashlib.sha256(values.encode()).hexdigest()
        key = f"{self.cleaned_data['key']}-{digest}"
        return IdempotentRequest(lambda: user, key, ROUTE, digest)
