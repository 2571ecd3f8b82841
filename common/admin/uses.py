"""Uses of rows: by what a row is used, named by the apps above that of its model, with links."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

MAX_USES = 20
"""Uses of one kind that a page lists."""


@dataclass(frozen=True)
class Use:
    """A row that uses another; `kind` is its heading, `state` the HTML of a badge."""

    kind: object
    text: str
    url: str
    permission: str
    state: str = ""


Find = Callable[[Any], Iterable[Use]]
_finders: dict[type[Model], list[Find]] = {}


def users_of(model: type[Model]) -> Callable[[Find], Find]:
    """Register a function that finds the uses of a row; of each kind at most one more than `MAX_USES`."""

    def register(find: Find) -> Find:
        _finders.setdefault(model, []).append(find)
        return find

    return register


def uses(user: Any, row: Model) -> list[Use]:
    """The uses of a row that a user may see."""
    found = [use for find in _finders.get(type(row), ()) for use in find(row)]
    return [use for use in found if user.has_perm(use.permission)]
