"""The console's pages of events."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.admin.rights import user_text
from common.admin.times import moment
from simulations.admin import formatting
from simulations.admin.event_sentences import event_sentence
from simulations.admin.execution_rows import ExecutionRowMixin
from simulations.admin.filters import (
    ExecutionIdFilter,
    KindFilter,
)
from simulations.models import Event


@admin.register(Event)
class EventAdmin(ExecutionRowMixin, admin.ModelAdmin[Event]):
    """Events of all executions, the newest first."""

    execution_path = "execution__"
    list_display = ["timestamp", "execution_link", "sentence", "actor"]
    more_columns = ["sequence", "label"]
    list_display_links = ["sentence"]
    empty_text = _(
        "Nothing has happened yet. Events appear here as soon as an execution is requested."
    )
    list_filter = [ExecutionIdFilter, KindFilter, "time"]
    fields = [
        "execution_link",
        "sequence",
        "timestamp",
        "sentence",
        "label",
        user_text("actor", _("actor")),
        "payload_json",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        return super().get_queryset(request).select_related("actor")

    def subtitle(self, row: Event) -> str:
        return gettext("event %d") % row.sequence

    @admin.display(description=_("time"), ordering="time")
    def timestamp(self, event: Event) -> str:
        return moment(event.time)

    @admin.display(description=_("what happened"))
    def sentence(self, event: Event) -> str:
        return event_sentence(event)

    @admin.display(description=_("kind"))
    def label(self, event: Event) -> str:
        return formatting.event_label(event)

    @admin.display(description=_("payload"))
    def payload_json(self, event: Event) -> str:
        return formatting.pretty_json(event.payload)
