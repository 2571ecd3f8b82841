"""Changes of rows that are stored as part of another, such as the stages of a simulation."""

import ast
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model

Row = dict[str, Any]


def part_changes(before: Any, after: Any, relation: Any) -> tuple[str, str] | None:
    """Show two lists of rows by what differs, each row by its position.

    Args:
        before: The list as text, as django-auditlog stores it.
        after: The same after the change.
        relation: The reverse relation to the rows; None: they are not known.

    Returns:
        Both in words; None when these are no lists of rows.
    """
    old, new = _rows(before), _rows(after)
    model = getattr(relation, "related_model", None)
    if old is None or new is None or model is None:
        return None
    texts: tuple[list[str], list[str]] = ([], [])
    for at in range(max(len(old), len(new))):
        rows = [side[at] if at < len(side) else {} for side in (old, new)]
        names = [name for name in {**rows[0], **rows[1]} if rows[0].get(name) != rows[1].get(name)]
        for text, row in zip(texts, rows, strict=True):
            if names and row:
                values = ", ".join(f"{_label(model, name)} {row.get(name)}" for name in names)
                text.append(f"{at + 1}: {values}")
    return "; ".join(texts[0]) or "-", "; ".join(texts[1]) or "-"


def _rows(text: Any) -> list[Row] | None:
    try:
        value = ast.literal_eval(str(text))
    except (ValueError, SyntaxError):
        return None
    is_rows = isinstance(value, list) and all(isinstance(row, dict) for row in value)
    return value if is_rows else None


def _label(model: type[Model], name: str) -> str:
    try:
        field = model._meta.get_field(name.removesuffix("_id"))  # noqa: SLF001  as documented by Django
    except FieldDoesNotExist:
        return name
    return str(getattr(field, "verbose_name", name))
