"""Admin of templates; every change goes through the service."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from common.admin.actions import ObjectActionsMixin, run_action
from common.admin.changelists import (
    BoundedListMixin,
    DeletedFilter,
    is_autocomplete,
    is_changelist,
    lists_deleted_rows,
)
from common.admin.deletion import ServiceDeletionMixin
from common.admin.errors import DomainErrorMixin
from common.admin.fields import RowSelectMixin
from common.admin.list_filters import titled
from common.admin.next_steps import NextStepsMixin
from common.admin.rights import right, user_text
from common.db.names import free_name
from templates.admin import resources
from templates.admin.columns import TemplateColumns, status_of, step_column
from templates.admin.folding import folded
from templates.admin.form import TemplateForm
from templates.admin.topic_table import TopicEntries
from templates.admin.topics import rosbag_of, table_context
from templates.exceptions import TemplateDeletedError
from templates.models import Template
from templates.services import templates

MAX_SEARCH = 200
TIMES = ["max_gap_seconds", "pass_gap", "clock_hz"]


class TemplateList(ChangeList):
    """A change list that counts the simulations of all its templates in one query."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        _add_usage_counts(list(self.result_list))


def _add_usage_counts(rows: list[Any]) -> None:
    # By the name of the relation, as this app must not import simulations.
    usage = Count(
        "stages__simulation", filter=Q(stages__simulation__deleted_at=None), distinct=True
    )
    using = Template.objects.filter(pk__in=[row.pk for row in rows]).order_by()
    counts = dict(using.values_list("pk").annotate(used=usage))
    for row in rows:
        row.used = counts.get(row.pk, 0)


@admin.register(Template)
class TemplateAdmin(
    TemplateColumns,
    NextStepsMixin,
    RowSelectMixin,
    ObjectActionsMixin,
    ServiceDeletionMixin,
    DomainErrorMixin,
    BoundedListMixin,
    admin.ModelAdmin[Template],
):
    """Templates; deleted ones are shown by a filter."""

    use_checks = templates.use_checks
    form = TemplateForm
    creator = user_text("created_by", _("created by"))
    has_restore_permission = right("restore")
    list_display = ["name", "robot_type", "bag", "played", "speed", "recorded", "used", "changed"]
    more_columns = ["version", creator, "created_at"]
    list_filter = [DeletedFilter, "record_own", titled("created_at", _("created"))]
    search_help_text = _("Name, robot type, or name of the rosbag")
    empty_text = _(
        "A template says what one kind of agent plays and records, from a rosbag. Make the first one."
    )
    search_fields = ["name", "robot_type", "rosbag__name"]
    autocomplete_fields = ["rosbag"]
    readonly_fields = ["one_pass", "topic_names", "recorded_names", "defined_types"]
    change_form_template = "templates/console/template.html"
    fieldsets = [
        (None, {"fields": ["name", "robot_type", "description"]}),
        (_("Topics"), {"fields": ["rosbag", "topics", "unsupported_topics"]}),
        (_("Time"), {"fields": ["rate", ("start_offset", "end_offset"), *TIMES]}),
        (_("Headers and frames"), {"fields": ["restamp", "prefix_frames"]}),
        (_("Start"), {"fields": ["match_seconds"]}),
        (
            _("Recording"),
            {"fields": ["record_topics", "record_own", ("record_scope", "record_storage")]},
        ),
        (_("Types"), {"fields": ["definitions"]}),
        resources.FIELDSET,
    ]
    actions = ["delete_selected", "restore"]

    def get_changelist(self, request: HttpRequest, **_kwargs: Any) -> type[ChangeList]:
        return TemplateList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Template]:
        """All templates; for autocomplete fields those that are not deleted."""
        rows: QuerySet[Template] = super().get_queryset(request)
        rows = rows.select_related("rosbag", "created_by")
        return rows.filter(deleted_at=None) if is_autocomplete(request) else rows

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            _add_usage_counts([row])
        return row

    def get_fieldsets(self, request: HttpRequest, obj: Template | None = None) -> Any:
        """Show the length of a pass, and to those who may not change them the topics as text."""
        if obj is None:
            return folded(self.fieldsets, Template())
        changes: dict[Any, list[str]] = {"clock_hz": ["clock_hz", "one_pass"]}
        if not self.has_change_permission(request, obj):
            changes |= {
                "topics": ["topic_names"],
                "record_topics": ["recorded_names"],
                "definitions": ["defined_types"],
            }
        return [
            (
                title,
                options
                | {"fields": [n for name in options["fields"] for n in changes.get(name, [name])]},
            )
            for title, options in resources.with_measured(folded(self.fieldsets, obj), obj)
        ]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [*self.list_display, step_column(request.user)]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Propose the name of the chosen rosbag."""
        values: dict[str, Any] = super().get_changeform_initial_data(request)
        rosbag = rosbag_of(values.get("rosbag"))
        proposed = {"name": free_name(rosbag.name, Template.objects.living())} if rosbag else {}
        return {**proposed, **values}

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = context.get("original")
        if row is not None:
            context["status_badge"] = status_of(row)
        return super().render_change_form(request, context, *args, **kwargs)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Offer "restore" only in lists of deleted templates, and "delete" only in others."""
        actions = super().get_actions(request)
        if is_changelist(request):
            actions.pop("delete_selected" if lists_deleted_rows(request) else "restore", None)
        return actions

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.topics_view)
        return [path("topics/", view, name="templates_template_topics"), *super().get_urls()]

    def topics_view(self, request: HttpRequest) -> HttpResponse:
        """The table of topics as a fragment, after another rosbag was chosen or a search."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method != "POST":  # chosen topics are too many for a query
            return HttpResponseNotAllowed(["POST"])
        form = request.POST
        context = table_context(
            form.get("rosbag"), TopicEntries.submitted(form), form.get("search", "")[:MAX_SEARCH]
        )
        return TemplateResponse(request, "templates/console/topics.html", context)

    def has_change_permission(self, request: HttpRequest, obj: Template | None = None) -> bool:
        not_deleted = obj is None or obj.deleted_at is None
        return not_deleted and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Template | None = None) -> bool:
        not_deleted = obj is None or obj.deleted_at is None
        return not_deleted and super().has_delete_permission(request, obj)

    def object_actions(self, row: Template) -> list[str]:
        return ["restore"] if row.deleted_at is not None else []

    @admin.action(description=_("Restore"), permissions=["restore"])
    def restore(self, request: HttpRequest, rows: QuerySet[Template]) -> None:
        run_action(
            self,
            request,
            rows,
            templates.restore,
            lambda n: ngettext("%d template was restored.", "%d templates were restored.", n) % n,
        )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Save the template by its service."""
        values = {n: v for n, v in form.cleaned_data.items() if n in templates.FIELDS}
        if change:
            stored = Template.objects.filter(pk=obj.pk).first()
            if stored is None:
                raise TemplateDeletedError(str(_("This template no longer exists.")))
            templates.update(stored, **values)
        else:
            obj.pk = templates.create(created_by=request.user, **values).pk
        obj.refresh_from_db()

    def delete_row(self, request: HttpRequest, row: Template) -> None:
        templates.delete(row)

    def deleted_message(self, count: int) -> str:
        return ngettext("%d template was deleted.", "%d templates were deleted.", count) % count
