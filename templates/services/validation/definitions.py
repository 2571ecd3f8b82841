"""Validation of the definitions of message types that are uploaded with a template."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from common.exceptions import FieldError
from storage.services.rosbags.types import TypeProblem, TypeUnknownError, bad_line, facts_of_uploads
from templates.services.validation.names import MAX_TOPIC_LENGTH, TYPE_NAME

MAX_DEFINITIONS = 100
MAX_TEXT = 64 * 2**10
"""Characters of a definition with all the types in it."""
MAX_TOTAL = 256 * 2**10
"""Characters of all definitions of a template; they are parsed at each start."""
_PROBLEMS = {
    TypeProblem.UNDEFINED: gettext_noop(
        "Type %(subject)s is used in it and not defined: add its definition behind a line of 80 equals "
        "signs and the line MSG: %(subject)s."
    ),
    TypeProblem.ENDLESS: gettext_noop("Type %(subject)s contains itself: correct the definition."),
    TypeProblem.UNSUPPORTED: gettext_noop(
        "It has fields of the type %(subject)s, which cannot be hashed: use another transport."
    ),
    TypeProblem.UNPARSED: gettext_noop("It is no ROS 2 message definition."),
    TypeProblem.TOO_LONG: gettext_noop("It is longer than any that people write."),
}


def definition_errors(definitions: Any) -> list[FieldError]:
    """Validate definitions: texts as in .msg files by message type, such as `my_msgs/msg/Status`.

    Types that a text uses may follow in it, each behind a line of 80 equals signs and a line `MSG: type`, be
    defined by another text, or be of a ROS distribution.
    """
    if not isinstance(definitions, dict) or len(definitions) > MAX_DEFINITIONS:
        message = _("Give at most %(max)d definitions by message type.") % {"max": MAX_DEFINITIONS}
        return [FieldError("/definitions", message, "DEFINITIONS_INVALID")]
    errors = [error for item in definitions.items() for error in _form_errors(*item)]
    if not errors and sum(map(len, definitions.values())) > MAX_TOTAL:
        message = _("All definitions together may have %(max)d characters: leave some out.")
        errors = [_error("/definitions", message % {"max": MAX_TOTAL})]
    return errors or [error for name in definitions for error in _content_errors(name, definitions)]


def _form_errors(name: Any, text: Any) -> list[FieldError]:
    pointer = _pointer(str(name))
    if not TYPE_NAME.fullmatch(str(name)) or len(str(name)) > MAX_TOPIC_LENGTH:
        message = _("Give a ROS message type, such as sensor_msgs/msg/LaserScan.")
        return [FieldError(pointer, message, "TYPE_NAME_INVALID")]
    if not isinstance(text, str) or not text.strip() or len(text) > MAX_TEXT:
        values = {"name": name, "max": MAX_TEXT}
        message = _("Give the definition of %(name)s in 1 to %(max)d characters.") % values
        return [_error(pointer, message)]
    return [] if _is_storable(text) else [_error(pointer, _(_PROBLEMS[TypeProblem.UNPARSED]))]


def _is_storable(text: str) -> bool:
    """False for characters that no database takes."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _content_errors(name: str, definitions: Mapping[str, str]) -> list[FieldError]:
    try:
        facts_of_uploads(name, definitions, "")
    except TypeUnknownError as error:
        message = _("The definition of %(name)s cannot be used.") % {"name": name}
        reason = _(_PROBLEMS[error.problem]) % {"subject": error.subject}
        if error.problem == TypeProblem.UNPARSED:
            number, line = bad_line(definitions[name])
            reason = _("Correct line %(number)d: %(line)s") % {"number": number, "line": line}
        return [_error(_pointer(name), f"{message} {reason}")]
    return []


def _error(pointer: str, message: str) -> FieldError:
    return FieldError(pointer, message, "DEFINITION_INVALID")


def _pointer(name: str) -> str:
    return "/definitions/" + name[:MAX_TOPIC_LENGTH].replace("~", "~0").replace("/", "~1")
