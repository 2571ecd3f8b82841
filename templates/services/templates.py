"""The one door for changes to templates."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.services import audit
from common.exceptions import FieldError
from storage.models import Rosbag
from templates.exceptions import TemplateDeletedError, TemplateError
from templates.models import Template
from templates.services.validation import field_errors, name_taken

FIELDS = frozenset(
    {
        "name",
        "robot_type",
        "description",
        "rosbag",
        "topics",
        "rate",
        "record_topics",
        "record_own",
    }
)
"""What a caller may set: `name` and `rosbag` (a Rosbag or its id) are needed, the rest has defaults."""


def create(*, created_by: Any = None, **values: Any) -> Template:
    """Make a template from `FIELDS`.

    Raises:
        TemplateError: one or more values cannot be used; `errors` points at each.
    """
    values = {"name": "", "rosbag": None} | _prepared(values)
    _require(field_errors(values))
    try:
        with transaction.atomic():
            return Template.objects.create(created_by=created_by, **values)
    except IntegrityError as error:  # taken by another request just now
        raise _invalid([name_taken()]) from error


def update(template: Template, **changes: Any) -> Template:
    """Change a template; its version grows unless everything is as before.

    Raises:
        TemplateError: one or more values cannot be used; `errors` points at each.
        TemplateDeletedError: it was deleted.
    """
    values = _prepared(changes)
    _require(field_errors(values, template))
    different = {name: value for name, value in values.items() if _value(template, name) != value}
    if different:
        _change(template, different)
    return _living(template)


def delete(template: Template) -> None:
    """Hide a template; runs that used it keep their plan. Deleting twice is no error."""
    with transaction.atomic():
        if deleted_at := Template.objects.filter(pk=template.pk).hide():
            audit.record_change(template, deleted_at=(None, deleted_at))
    template.refresh_from_db()


def restore(template: Template) -> Template:
    """Bring a deleted template back.

    Raises:
        TemplateError: its name is taken or its rosbag cannot be used now.
    """
    _require(field_errors({name: _value(template, name) for name in FIELDS}, template))
    try:
        with transaction.atomic():
            if Template.objects.filter(pk=template.pk).unhide():
                audit.record_change(template, deleted_at=(template.deleted_at, None))
    except IntegrityError as error:
        raise _invalid([name_taken()]) from error
    return _living(template)


def names_using(rosbag: Rosbag) -> list[str]:
    """Names of living templates that play a rosbag; the first five will do for a sentence."""
    using = Template.objects.living().filter(rosbag=rosbag).order_by("name")
    return list(using.values_list("name", flat=True)[:5])


def _prepared(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values in the form that they are stored in."""
    if unknown := set(values) - FIELDS:
        message = f"a template has no {', '.join(sorted(unknown))}"
        raise TypeError(message)
    prepared = dict(values)
    if isinstance(prepared.get("rosbag"), int):
        prepared["rosbag"] = Rosbag.objects.filter(pk=prepared["rosbag"]).first()
    if "topics" in prepared:
        prepared["topics"] = list(prepared["topics"])
    if "record_topics" in prepared:
        # Names are inside the agent's namespace: with or without slash they mean the same.
        prepared["record_topics"] = [
            {"name": "/" + topic["name"].removeprefix("/"), "type": topic["type"]}
            for topic in prepared["record_topics"]
        ]
    return prepared


def _value(template: Template, name: str) -> Any:
    return getattr(template, name)


def _change(template: Template, values: dict[str, Any]) -> None:
    living = Template.objects.living().filter(pk=template.pk)
    try:
        with transaction.atomic():
            if living.update(**values, version=F("version") + 1, updated_at=timezone.now()):
                audit.record_change(
                    template, **{n: (_value(template, n), v) for n, v in values.items()}
                )
    except IntegrityError as error:
        raise _invalid([name_taken()]) from error


def _living(template: Template) -> Template:
    template.refresh_from_db()
    if template.deleted_at is not None:
        raise TemplateDeletedError(_("This template was deleted: restore it or make a new one."))
    return template


def _require(errors: list[FieldError]) -> None:
    if errors:
        raise _invalid(errors)


def _invalid(errors: list[FieldError]) -> TemplateError:
    sentence = ""
    if len(errors) > 1:
        sentence = _("The template has %(count)d faults.") % {"count": len(errors)}
    return TemplateError(sentence, errors)
