"""Checks of where units may run: labels of nodes and tolerations of taints, as Kubernetes accepts them."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.utils.translation import gettext as _

_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")

MAX_TOLERATIONS = 20
OPERATORS = ("Equal", "Exists")
EFFECTS = ("", "NoSchedule", "PreferNoSchedule", "NoExecute")
"""Effects of taints; empty: any."""
TOLERATION = {"key": "", "operator": "Equal", "value": "", "effect": ""}
"""Fields of a toleration with their defaults."""


def selector_errors(selector: Any) -> list[str]:
    """Messages about the errors of a node selector: labels with values, as in Kubernetes."""
    if not isinstance(selector, dict):
        return [_('Write labels with their values, such as {"site": "north"}.')]
    messages = []
    for label, value in selector.items():
        if not _is_key(label):
            messages.append(_("“%(label)s” is not a valid label of a node.") % {"label": label})
        elif not _is_value(value):
            message = _(
                "“%(value)s” is not a valid value of a label: use letters, digits, -, _ and ."
            )
            messages.append(message % {"value": value})
    return messages


def toleration_errors(tolerations: Any) -> list[str]:
    """Messages about the errors of tolerations, of which each has the fields of `TOLERATION`."""
    if not isinstance(tolerations, list) or not all(isinstance(t, dict) for t in tolerations):
        example = '[{"key": "robots", "operator": "Exists", "effect": "NoSchedule"}]'
        return [_("Write a list of tolerations, such as %(example)s.") % {"example": example}]
    if len(tolerations) > MAX_TOLERATIONS:
        return [_("Write at most %(max)d tolerations.") % {"max": MAX_TOLERATIONS}]
    return [
        _("Toleration %(number)d: %(error)s") % {"number": number, "error": error}
        for number, toleration in enumerate(tolerations, 1)
        for error in _toleration_errors(toleration)
    ]


def complete_tolerations(tolerations: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    """Add the fields that valid tolerations leave out."""
    return [TOLERATION | toleration for toleration in tolerations]


def _toleration_errors(toleration: dict[str, Any]) -> Iterator[str]:
    unknown = sorted(map(str, toleration.keys() - TOLERATION.keys()))
    if unknown:
        values = {"names": ", ".join(unknown), "fields": ", ".join(TOLERATION)}
        yield _("it has no %(names)s: use %(fields)s.") % values
        return
    row = TOLERATION | toleration
    key, operator, value = row["key"], row["operator"], row["value"]
    if operator not in OPERATORS:
        yield _("the operator is Exists or Equal.")
    if row["effect"] not in EFFECTS:
        yield _("the effect is NoSchedule, PreferNoSchedule, NoExecute or empty.")
    if key == "" and operator != "Exists":
        yield _("without a key the operator is Exists: it tolerates each taint.")
    elif key != "" and not _is_key(key):
        yield _("“%(key)s” is not a valid key.") % {"key": key}
    if value != "" and operator == "Exists":
        yield _("with Exists there is no value: leave it out, or use Equal.")
    elif not _is_value(value):
        yield _("“%(value)s” is not a valid value.") % {"value": value}


def _is_key(key: Any) -> bool:
    prefix, slash, name = str(key).rpartition("/")
    return bool(
        isinstance(key, str) and _LABEL.fullmatch(name) and (not slash or _PREFIX.fullmatch(prefix))
    )


def _is_value(value: Any) -> bool:
    return isinstance(value, str) and (value == "" or bool(_LABEL.fullmatch(value)))
