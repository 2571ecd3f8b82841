"""Groups of rarely used fields: folded while all of their fields have their defaults."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.admin.utils import flatten

from templates.admin import resources
from templates.models import Template

OPENED_BY = {"match_seconds": "required_subscribers"}
"""Fields that matter once others are set."""
RARE = frozenset(
    {"restamp", "prefix_frames", "match_seconds", "definitions"} | set(resources.FIELDS)
)


def folded(fieldsets: Iterable[tuple[Any, Any]], template: Template) -> list[Any]:
    """Fold those fieldsets of rare fields in which a template changes nothing."""
    return [
        (
            title,
            options | {"classes": ["collapse"]}
            if _is_folded(options["fields"], template)
            else options,
        )
        for title, options in fieldsets
    ]


def _is_folded(fields: Sequence[Any], template: Template) -> bool:
    default, names = Template(), set(flatten(list(fields)))
    return names <= RARE and all(
        getattr(template, field) == getattr(default, field)
        for name in names
        for field in (name, OPENED_BY.get(name, name))
    )
