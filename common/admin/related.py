"""Related rows: those of the apps above that a row belongs to or is used by, with links."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

MAX_ROWS = 20
"""Related rows of one kind that a page lists."""


@dataclass(frozen=True)
class Related:
    """A link to a related row; `kind` says what it is to the other, `state` is the HTML of a badge."""

    kind: object
    text: str
    url: str
    permission: str
    state: str = ""
    is_use: bool = False
    """It cannot be started again once the other row is deleted."""


Find = Callable[[Any], Iterable[Related]]
_finders: dict[type[Model], list[Find]] = {}


def related_to(model: type[Model]) -> Callable[[Find], Find]:
    """Register a function that finds related rows; of each kind at most one more than `MAX_ROWS`."""

    def register(find: Find) -> Find:
        _finders.setdefault(model, []).append(find)
        return find

    return register


def related_rows(user: Any, row: Model) -> list[Related]:
    """The related rows that a user may see."""
    rows = [related for find in _finders.get(type(row), ()) for related in find(row)]
    return [related for related in rows if user.has_perm(related.permission)]
