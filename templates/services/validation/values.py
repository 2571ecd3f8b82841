"""Validation of templates; all errors are reported together, with pointers to their fields."""

from collections.abc import Mapping
from copy import copy
from typing import Any

from django.utils.translation import gettext as _

from common.exceptions import FieldError
from storage.models import Rosbag
from templates.models import Template
from templates.services.validation.definitions import definition_errors
from templates.services.validation.numbers import number_errors
from templates.services.validation.range import RANGE, range_errors
from templates.services.validation.recording import record_errors
from templates.services.validation.topics import CHOICE, choice_errors

MAX_NAME_LENGTH = 200


def field_errors(values: Mapping[str, Any], template: Template | None = None) -> list[FieldError]:
    """Validate the values of a new template, or changes of an existing one."""
    wanted = _wanted(values, template)
    errors = _name_errors(values["name"], template) if "name" in values else []
    errors += number_errors(wanted, values.keys())
    rosbag = values.get("rosbag", template.rosbag if template else None)
    if "record_topics" in values:
        errors += record_errors(rosbag, values["record_topics"])
    if "definitions" in values:
        errors += definition_errors(values["definitions"])
    if values.keys() & (CHOICE | RANGE):
        errors += _bag_errors(rosbag)
        if not any(error.pointer == "/rosbag" for error in errors):
            errors += choice_errors(rosbag, wanted)
            wrong = {error.pointer for error in errors}
            errors += [e for e in range_errors(rosbag, wanted) if e.pointer not in wrong]
    return errors


def _wanted(values: Mapping[str, Any], template: Template | None) -> Template:
    """A template with these values, but the rosbag; it is not stored."""
    wanted = copy(template) if template else Template()
    for name, value in values.items():
        if name != "rosbag":  # copies share their related rows
            setattr(wanted, name, value)
    return wanted


def _name_errors(name: str, template: Template | None) -> list[FieldError]:
    if not (name.strip() and len(name) <= MAX_NAME_LENGTH and name.isprintable()):
        detail = _("Give a name of 1 to %(max)d characters, on one line.") % {
            "max": MAX_NAME_LENGTH
        }
        return [FieldError("/name", detail, "NAME_INVALID")]
    return _name_taken(name, template)


def _name_taken(name: str, template: Template | None) -> list[FieldError]:
    others = Template.objects.living().filter(name=name)
    if template is not None:
        others = others.exclude(pk=template.pk)
    return [name_taken_error()] if others.exists() else []


def name_taken_error() -> FieldError:
    """The error for a name that another template has."""
    return FieldError("/name", _("Another template has this name: choose another."), "NAME_TAKEN")


def _bag_errors(rosbag: Rosbag | None) -> list[FieldError]:
    if rosbag is None or rosbag.deleted_at is not None:
        detail = _("There is no such rosbag: choose one that is ready.")
        return [FieldError("/rosbag", detail, "ROSBAG_NOT_FOUND")]
    if not rosbag.usable:
        detail = _("Rosbag %(name)s is not ready (%(status)s). %(sentence)s") % {
            "name": rosbag.name,
            "status": rosbag.get_status_display(),
            "sentence": rosbag.sentence,
        }
        return [FieldError("/rosbag", detail.strip(), "ROSBAG_NOT_READY")]
    return []
