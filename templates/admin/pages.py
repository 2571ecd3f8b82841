"""Admin of templates; every change goes through the service."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
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
from common.admin.columns import numeric
from common.admin.deletion import ServiceDeletionMixin
from common.admin.errors import DomainErrorFormMixin, DomainErrorMixin
from common.admin.fields import RowSelectMixin
from common.admin.list_filters import titled
from common.admin.next_steps import NextStepsMixin
from common.admin.rights import right, user_text
from templates.admin.fields import TopicsField, TopicTypesField, choices_of, pass_text
from templates.exceptions import TemplateDeletedError
from templates.models import Template
from templates.services import templates
from templates.services.validation import field_errors


class TemplateForm(DomainErrorFormMixin, forms.ModelForm[Template]):
    """The fields of a template, validated by the service."""

    topics = TopicsField(
        label=_("Topics to play"),
        required=False,
        help_text=_(
            "Topics of the rosbag, of very many the first 1,000; none selected: all of them."
        ),
    )
    record_topics = TopicTypesField(
        label=_("Topics to record"),
        required=False,
        help_text=_(
            "One per line, name inside the agent's namespace and type: /odom nav_msgs/msg/Odometry; empty: "
            "nothing."
        ),
    )

    class Meta:
        model = Template
        fields = [
            "name",
            "robot_type",
            "description",
            "rosbag",
            "topics",
            "rate",
            "max_gap_seconds",
            "record_topics",
            "record_own",
            "unsupported_topics",
        ]
        widgets = {"description": forms.Textarea(attrs={"rows": 3})}
        help_texts = {
            "rate": _("Factor of the recorded speed; 0: as fast as possible."),
            "max_gap_seconds": _(
                "Longest recorded time without a message of these topics that agents wait for; empty: any."
            ),
            "record_own": _(
                "Also record messages that the agent itself publishes on these topics."
            ),
            "unsupported_topics": _(
                "Transports differ in the names that they carry; over Zenoh no topic is named /a//b or /a*."
            ),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "rosbag" in self.fields:  # users with read-only access have no such field
            self.fields["unsupported_topics"].required = False  # without it nothing changes
            field: Any = self.fields["topics"]
            chosen = self["topics"].value() or []
            field.set_choices(choices_of(self["rosbag"].value(), chosen), chosen)

    def clean(self) -> Any:
        values: dict[str, Any] = super().clean() or {}
        if not values.get("unsupported_topics"):
            values["unsupported_topics"] = self.instance.unsupported_topics
        template = self.instance if self.instance.pk else None
        for error in field_errors(values, template):
            self.add_field_error(error)
        return values


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
    list_display = ["name", "robot_type", "bag", "played", "rate", "recorded", "used", "updated_at"]
    more_columns = ["version", creator, "created_at"]
    list_filter = [DeletedFilter, "record_own", titled("created_at", _("created"))]
    search_help_text = _("Name, robot type, or name of the rosbag")
    empty_text = _(
        "A template says what one kind of agent plays and records, from a rosbag. Make the first one."
    )
    list_select_related = ["rosbag"]
    search_fields = ["name", "robot_type", "rosbag__name"]
    autocomplete_fields = ["rosbag"]
    readonly_fields = [
        "one_pass",
        "version",
        "used",
        creator,
        "created_at",
        "updated_at",
        "deleted_at",
    ]
    fieldsets = [
        (None, {"fields": ["name", "robot_type", "description"]}),
        (_("What it plays"), {"fields": ["rosbag", "topics", "rate", "max_gap_seconds"]}),
        (_("What it records"), {"fields": ["record_topics", "record_own"]}),
        (_("Names of topics"), {"fields": ["unsupported_topics"]}),
    ]
    history = (
        _("History"),
        {"fields": ["one_pass", ("version", "used"), creator, ("created_at", "updated_at")]},
    )
    actions = ["delete_selected", "restore"]

    class Media:
        js = ["templates/topics.js"]

    def get_changelist(self, request: HttpRequest, **_kwargs: Any) -> type[ChangeList]:
        return TemplateList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Template]:
        """All templates; for autocomplete fields those that are not deleted."""
        rows: QuerySet[Template] = super().get_queryset(request)
        return rows.filter(deleted_at=None) if is_autocomplete(request) else rows

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            _add_usage_counts([row])
        return row

    def get_fieldsets(self, request: HttpRequest, obj: Template | None = None) -> Any:
        if obj is None:
            return self.fieldsets
        deleted = [(_("Deletion"), {"fields": ["deleted_at"]})] if obj.deleted_at else []
        return [*self.fieldsets, self.history, *deleted]

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
        """The topics of a rosbag as JSON, for the form after another rosbag was chosen."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return JsonResponse({"topics": choices_of(request.GET.get("rosbag", "")[:18])})

    def has_change_permission(self, request: HttpRequest, obj: Template | None = None) -> bool:
        not_deleted = obj is None or obj.deleted_at is None
        return not_deleted and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Template | None = None) -> bool:
        not_deleted = obj is None or obj.deleted_at is None
        return not_deleted and super().has_delete_permission(request, obj)

    def object_actions(self, row: Template) -> list[str]:
        return ["restore"] if row.deleted_at is not None else []

    @admin.display(description=_("rosbag"), ordering="rosbag__name")
    def bag(self, template: Template) -> str:
        address = reverse("admin:storage_rosbag_change", args=[template.rosbag_id])
        return format_html('<a href="{}">{}</a>', address, template.rosbag)

    @admin.display(description=_("plays"))
    def played(self, template: Template) -> str:
        count = len(template.topics)
        return ngettext("%d topic", "%d topics", count) % count if count else str(_("all"))

    @admin.display(description=_("records"))
    def recorded(self, template: Template) -> str:
        count = len(template.record_topics)
        return ngettext("%d topic", "%d topics", count) % count if count else str(_("nothing"))

    @admin.display(description=_("one pass"))
    def one_pass(self, template: Template) -> str:
        return pass_text(template)

    @numeric
    @admin.display(description=_("simulations"))
    def used(self, template: Any) -> int:
        return int(template.used)

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
        values = {name: form.cleaned_data[name] for name in templates.FIELDS}
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
