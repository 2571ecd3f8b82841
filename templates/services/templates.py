"""Creating, changing, deleting and restoring templates."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from hashlib import sha256
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.services import audit
from agent.topic_names import with_slash
from common.db.violations import refusing_duplicates
from common.exceptions import FieldError
from common.in_use import UseChecks
from storage.models import Rosbag
from templates.exceptions import TemplateDeletedError, TemplateError, TemplateInUseError
from templates.models import Template
from templates.services.validation.values import field_errors, name_taken_error

FIELDS = frozenset(
    {
        "name",
        "robot_type",
        "description",
        "rosbag",
        "topics",
        "excluded_topics",
        "renames",
        "rate",
        "max_gap_seconds",
        "start_offset",
        "end_offset",
        "pass_gap",
        "clock_hz",
        "restamp",
        "prefix_frames",
        "required_subscribers",
        "match_seconds",
        "definitions",
        "record_topics",
        "record_own",
        "record_scope",
        "record_storage",
        "unsupported_topics",
        "agent_cpu",
        "agent_cpu_limit",
        "agent_memory",
        "agent_memory_limit",
    }
)
"""Fields that callers may set: `name` and `rosbag` (a Rosbag or its id) are required."""


def create(*, created_by: Any = None, **values: Any) -> Template:
    """Create a template from values of `FIELDS`.

    Raises:
        TemplateError: Values are invalid; `errors` points at each.
    """
    values = {"name": "", "rosbag": None} | _prepared(values)
    _require(field_errors(values))
    with _refusing_taken_names():
        return Template.objects.create(created_by=created_by, **values)


def update(template: Template, **changes: Any) -> Template:
    """Change a template; its version increases unless nothing changes.

    Raises:
        TemplateError: Values are invalid; `errors` points at each.
        TemplateDeletedError: It was deleted.
    """
    values = _prepared(changes)
    _require(field_errors(values, template))
    changed = {name: value for name, value in values.items() if _value(template, name) != value}
    if changed:
        _save_changes(template, changed)
    return _require_not_deleted(template)


use_checks = UseChecks[Template]()


def delete(template: Template) -> None:
    """Soft-delete a template; runs that used it keep their plan. Deleting twice is no error.

    Raises:
        TemplateInUseError: Executions that have not ended use it; the message names them.
    """
    with transaction.atomic():
        rows = Template.objects.filter(pk=template.pk)
        rows.lock()  # what starts to use it meanwhile waits, or is seen here
        if reason := use_checks.reason(template):
            raise TemplateInUseError(reason)
        if deleted_at := rows.hide():
            audit.record_change(template, deleted_at=(None, deleted_at))
    template.refresh_from_db()


def restore(template: Template) -> Template:
    """Restore a deleted template.

    Raises:
        TemplateError: Its name is taken, or its rosbag is not usable.
    """
    _require(field_errors({name: _value(template, name) for name in FIELDS}, template))
    with _refusing_taken_names():
        if Template.objects.filter(pk=template.pk).unhide():
            audit.record_change(template, deleted_at=(template.deleted_at, None))
    return _require_not_deleted(template)


def use_of_rosbag(rosbag: Rosbag) -> str:
    """Why a rosbag cannot be deleted: templates play it, of which five are named; else empty."""
    templates = Template.objects.living().filter(rosbag=rosbag).order_by("name")
    if not (names := list(templates.values_list("name", flat=True)[:5])):
        return ""
    message = _(
        "%(name)s is used by %(users)s: delete these first, or make them use another rosbag."
    )
    return message % {"name": rosbag.name, "users": ", ".join(names)}


def _prepared(values: Mapping[str, Any]) -> dict[str, Any]:
    """Normalize values to the form in which they are stored."""
    if unknown := set(values) - FIELDS:
        message = f"a template has no {', '.join(sorted(unknown))}"
        raise TypeError(message)
    prepared = dict(values)
    if isinstance(prepared.get("rosbag"), int):
        prepared["rosbag"] = Rosbag.objects.filter(pk=prepared["rosbag"]).first()
    for name in {"topics", "excluded_topics", "required_subscribers"} & prepared.keys():
        prepared[name] = list(prepared[name])
    if "renames" in prepared:
        renames = {topic: with_slash(name) for topic, name in prepared["renames"].items()}
        prepared["renames"] = {t: name for t, name in renames.items() if with_slash(t) != name}
    if "record_topics" in prepared:
        # Names are relative to the agent's namespace, with or without a leading slash.
        prepared["record_topics"] = [
            {"name": "/" + topic["name"].removeprefix("/"), "type": topic["type"]}
            for topic in prepared["record_topics"]
        ]
    return prepared


def _value(template: Template, name: str) -> Any:
    return getattr(template, name)


def _save_changes(template: Template, values: dict[str, Any]) -> None:
    rows = Template.objects.living().filter(pk=template.pk)
    with _refusing_taken_names():
        if rows.update(**values, version=F("version") + 1, updated_at=timezone.now()):
            changes = {
                name: (_audited(name, _value(template, name)), _audited(name, value))
                for name, value in values.items()
            }
            audit.record_change(template, **changes)


def _audited(name: str, value: Any) -> Any:
    """A value for the audit log: of definitions, which may be long, their digests."""
    if name != "definitions":
        return value
    return {kind: sha256(text.encode()).hexdigest()[:12] for kind, text in value.items()}


def _refusing_taken_names() -> AbstractContextManager[None]:
    """Refuse a name that a concurrent request has taken."""
    return refusing_duplicates(
        Template, "templates_name_unique_living", lambda: _invalid([name_taken_error()])
    )


def _require_not_deleted(template: Template) -> Template:
    template.refresh_from_db()
    if template.deleted_at is not None:
        raise TemplateDeletedError(_("This template was deleted: restore it or create a new one."))
    return template


def _require(errors: list[FieldError]) -> None:
    if errors:
        raise _invalid(errors)


def _invalid(errors: list[FieldError]) -> TemplateError:
    message = ""
    if len(errors) > 1:
        message = _("The template has %(count)d errors.") % {"count": len(errors)}
    return TemplateError(message, errors)
