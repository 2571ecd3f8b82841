"""Definitions of message types as text: each begins with a line `MSG: package/msg/Name`."""

import re
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

HEADER = re.compile(r"MSG:\s*(\S+)\s*")
RULE = re.compile(r"={10,}\s*")
"""Line between definitions in rosbag2 and MCAP."""


def parsed(text: str) -> dict[str, str]:
    """Divide a text into definitions by type.

    Raises:
        ValidationError: It begins without the name of a type, or has one twice.
    """
    definitions: dict[str, list[str]] = {}
    lines: list[str] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        header = HEADER.fullmatch(line)
        if header:
            if header[1] in definitions:
                message = _("Line %(number)d: %(type)s is defined twice.")
                raise forms.ValidationError(message % {"number": number, "type": header[1]})
            lines = definitions[header[1]] = []
        elif lines is not None and not RULE.fullmatch(line):
            lines.append(line.rstrip())
        elif lines is None and line.strip():
            message = _("Line %(number)d: begin with the type, such as MSG: my_msgs/msg/Status.")
            raise forms.ValidationError(message % {"number": number})
    return {name: "\n".join(rows).strip("\n") + "\n" for name, rows in definitions.items()}


def as_text(definitions: dict[str, str]) -> str:
    """Return definitions as text that `parsed` reads."""
    parts = [f"MSG: {name}\n{text.rstrip()}\n" for name, text in definitions.items()]
    return "\n".join(parts)


class DefinitionsInput(forms.Textarea):
    """A text, to which the script of the page adds files."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        text = super().render(name, value, attrs, renderer)
        return render_to_string("templates/console/definitions_field.html", {"text": text})


class DefinitionsField(forms.CharField):
    """Definitions by type."""

    def __init__(self, **kwargs: Any) -> None:
        attrs = {"rows": 8, "cols": 60, "class": "mono", "spellcheck": "false"}
        super().__init__(**kwargs, widget=DefinitionsInput(attrs=attrs))

    def prepare_value(self, value: Any) -> Any:
        return as_text(value) if isinstance(value, dict) else value

    def clean(self, value: Any) -> dict[str, str]:
        return parsed(str(super().clean(value)))

    def has_changed(self, initial: Any, data: Any) -> bool:
        before, after = ((self.prepare_value(value) or "").split() for value in (initial, data))
        return bool(before != after)
