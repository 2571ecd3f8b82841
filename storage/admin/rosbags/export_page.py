"""Requesting exports in the console: of complete rosbags by an action, of a part by a form."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from common.admin.actions import admin_url, run_action, show_links
from common.admin.rights import right
from storage.choices import ExportFormat
from storage.exceptions import StorageError
from storage.models import Export, Rosbag
from storage.services.exports import exports
from storage.services.exports.exports import ExportOptions

MAX_TOPICS = 1000


class ExportForm(forms.Form):
    """The options of an export of a part of a rosbag."""

    format = forms.ChoiceField(label=_("format"), choices=ExportFormat.choices)
    topics = forms.MultipleChoiceField(
        label=_("topics"),
        required=False,
        widget=forms.SelectMultiple(attrs={"size": 10}),
        help_text=_("None selected: all."),
    )
    start = forms.CharField(
        label=_("from"),
        required=False,
        max_length=40,
        help_text=_(
            "Seconds from the start such as 2.5s, a time such as 2026-03-02T09:30:00Z, or ns."
        ),
    )
    end = forms.CharField(label=_("to"), required=False, max_length=40)
    fields = forms.CharField(  # type: ignore[assignment]
        label=_("fields"),
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Columns of a table, one per line, such as pose.pose.position.x; none: all."),
    )
    latched = forms.BooleanField(
        label=_("with latched messages from before"), required=False, initial=True
    )
    name = forms.CharField(label=_("name"), required=False, max_length=200)

    def __init__(self, rosbag: Rosbag, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = rosbag.topics.values_list("name", flat=True)[:MAX_TOPICS]
        topics: Any = self.fields["topics"]  # type: ignore[index]
        topics.choices = [(name, name) for name in names]

    def to_options(self) -> ExportOptions:
        return ExportOptions(**{**self.cleaned_data, "fields": self.cleaned_data["fields"].split()})


class ExportPage:
    """Mixin before `ModelAdmin` in the admin of rosbags."""

    admin_site: Any
    get_object: Any
    message_user: Any
    opts: Any

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.export_view)
        own = path("<int:object_id>/export/", view, name="storage_rosbag_export")
        return [own, *super().get_urls()]  # type: ignore[misc]

    has_export_permission = right("export")

    def export_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show the form, and request an export when it is submitted."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        rosbag = self.get_object(request, str(object_id))
        if rosbag is None:
            raise Http404
        form = ExportForm(rosbag, request.POST or None, initial=_initial(request))
        if request.method == "POST" and form.is_valid():
            try:
                export = _requested(rosbag, form.to_options(), request.user)
            except StorageError as error:
                form.add_error(None, str(error))
            else:
                return HttpResponseRedirect(admin_url(export))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Export a part"),
            "rosbag": rosbag,
            "form": form,
        }
        return render(request, "storage/console/export.html", context)

    @admin.action(description=_("Export as MCAP (Foxglove)"), permissions=["export"])
    def export_mcap(self, request: HttpRequest, rosbags: QuerySet[Rosbag]) -> None:
        self._export(request, rosbags, ExportFormat.MCAP)

    @admin.action(description=_("Export as sqlite3"), permissions=["export"])
    def export_sqlite3(self, request: HttpRequest, rosbags: QuerySet[Rosbag]) -> None:
        self._export(request, rosbags, ExportFormat.SQLITE3)

    def _export(self, request: HttpRequest, rosbags: QuerySet[Rosbag], kind: str) -> None:
        def request_export(rosbag: Rosbag) -> Export:
            return _requested(rosbag, ExportOptions(kind), request.user)

        created = run_action(self, request, rosbags, request_export, _requested_message)
        show_links(self, request, ((admin_url(export), str(export)) for export in created))


def _initial(request: HttpRequest) -> dict[str, Any]:
    """Values of the form that the address gives: the range that was chosen on the time line, topics."""
    query = request.GET
    values = {name: query.get(name, "") for name in ("start", "end", "format")}
    return {**values, "topics": query.getlist("topic")}


def _requested(rosbag: Rosbag, options: ExportOptions, user: Any) -> Export:
    return exports.request(rosbag, options, created_by=user)


def _requested_message(count: int) -> str:
    return ngettext("%d export was requested.", "%d exports were requested.", count) % count
