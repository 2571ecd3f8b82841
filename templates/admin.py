"""The console's pages of templates; every change goes through the service."""

from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

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


@admin.register(Template)
class TemplateAdmin(admin.ModelAdmin[Template]):
    """Living templates."""

    form = TemplateForm
    list_display = ["name", "robot_type", "rosbag", "rate", "version", "updated_at"]
    list_select_related = ["rosbag"]
    search_fields = ["name", "robot_type"]
    autocomplete_fields = ["rosbag"]
    readonly_fields = ["version", "created_by", "created_at", "updated_at"]
    show_full_result_count = False
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Template]:
        return super().get_queryset(request).filter(deleted_at=None)

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
