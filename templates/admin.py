"""The console's pages of templates; every change goes through the service."""

from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from templates.exceptions import TemplateError
from templates.models import Template
from templates.services import templates
from templates.services.validation import faults


class TemplateForm(forms.ModelForm[Template]):
    """A template's fields, checked by the rules of the service."""

    class Meta:
        model = Template
        fields = [
            "name",
            "robot_type",
            "description",
            "rosbag",
            "topics",
            "rate",
            "record_topics",
            "record_own",
        ]
        help_texts = {
            "topics": gettext_lazy('A list such as ["/odom", "/imu"]; [] plays all topics.'),
            "rate": gettext_lazy("Factor on recorded time: 1 as recorded, 0 as fast as possible."),
            "record_topics": gettext_lazy(
                'A list such as [{"name": "/odom", "type": "nav_msgs/msg/Odometry"}], names as inside '
                "the agent's namespace; [] records nothing."
            ),
        }

    def clean_topics(self) -> list[str]:
        return cast("list[str]", self._list("topics", lambda each: isinstance(each, str)))

    def clean_record_topics(self) -> list[dict[str, str]]:
        return cast("list[dict[str, str]]", self._list("record_topics", _names_and_types))

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        template = self.instance if self.instance.pk else None
        for fault in faults(values, template):
            field, _slash, place = fault.pointer.removeprefix("/").partition("/")
            self.add_error(field, f"{place}: {fault.detail}" if place else fault.detail)
        return values

    def _list(self, field: str, fits: Any) -> list[Any]:
        value = self.cleaned_data[field]
        if value in (None, "", {}):
            return []
        if not isinstance(value, list) or not all(fits(each) for each in value):
            example = '["/odom"]' if field == "topics" else '[{"name": "/odom", "type": "..."}]'
            raise forms.ValidationError(_("Write a list such as %s.") % example)
        return value


def _names_and_types(each: Any) -> bool:
    return (
        isinstance(each, dict)
        and set(each) == {"name", "type"}
        and all(isinstance(word, str) for word in each.values())
    )


class DeletedFilter(admin.SimpleListFilter):
    """Those that can be restored, instead of the living ones."""

    title = gettext_lazy("deletion")
    parameter_name = "deleted"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, Any]]:
        return [("yes", gettext_lazy("Deleted, can be restored"))]

    def queryset(self, _request: HttpRequest, rows: QuerySet[Template]) -> QuerySet[Template]:
        return rows.filter(deleted_at__isnull=self.value() != "yes")


@admin.register(Template)
class TemplateAdmin(admin.ModelAdmin[Template]):
    """Living templates, and deleted ones where they are asked for."""

    form = TemplateForm
    list_display = ["name", "robot_type", "rosbag", "rate", "version", "updated_at"]
    list_filter = [DeletedFilter]
    list_select_related = ["rosbag"]
    actions = ["restore"]
    search_fields = ["name", "robot_type"]
    autocomplete_fields = ["rosbag"]
    readonly_fields = ["version", "created_by", "created_at", "updated_at"]
    show_full_result_count = False
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Template]:
        """The living; in the list the filter says which."""
        rows = super().get_queryset(request)
        match = request.resolver_match
        listed = match is not None and match.url_name == "templates_template_changelist"
        return rows if listed else rows.filter(deleted_at=None)

    @admin.action(description=gettext_lazy("Restore"), permissions=["change"])
    def restore(self, request: HttpRequest, chosen: QuerySet[Template]) -> None:
        restored = 0
        for template in chosen:
            try:
                templates.restore(template)
            except TemplateError as error:
                self.message_user(request, f"{template}: {error}", messages.ERROR)
            else:
                restored += 1
        if restored:
            text = ngettext("%d template is restored.", "%d templates are restored.", restored)
            self.message_user(request, text % restored, messages.SUCCESS)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Restoring for deleted ones, everything else for the living."""
        deleted = request.GET.get("deleted") == "yes"
        found = super().get_actions(request)
        return {name: each for name, each in found.items() if (name == "restore") == deleted}

    def changeform_view(self, request: HttpRequest, *args: Any, **words: Any) -> HttpResponse:
        """As in Django; what somebody else has made impossible meanwhile is said, not crashed on."""
        try:
            return super().changeform_view(request, *args, **words)
        except TemplateError as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(reverse("admin:templates_template_changelist"))

    def save_model(
        self,
        request: HttpRequest,
        obj: Template,
        form: forms.ModelForm[Template],
        change: bool,  # noqa: FBT001
    ) -> None:
        values = {name: form.cleaned_data[name] for name in templates.FIELDS}
        if change:
            templates.update(Template.objects.get(pk=obj.pk), **values)
        else:
            obj.pk = templates.create(created_by=request.user, **values).pk
        obj.refresh_from_db()

    def delete_model(self, request: HttpRequest, obj: Template) -> None:
        templates.delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Template]) -> None:
        for template in queryset:
            templates.delete(template)

    def get_deleted_objects(
        self, objs: Sequence[Template] | QuerySet[Template], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """Only the templates themselves: nothing is removed with them."""
        return [str(template) for template in objs], {}, set(), []
