"""Names that are unique among the rows that are not deleted."""

from itertools import count
from typing import Any

from django.db.models import QuerySet

MAX_LENGTH = 200
ROOM_FOR_NUMBER = 8


def free_name(base: str, rows: QuerySet[Any], *, first: int = 1) -> str:
    """The first of "base", "base (2)", "base (3)" … that none of these rows has.

    Args:
        base: The name without a number; a long one is cut off.
        rows: The rows whose names are taken.
        first: Number to begin with; 2 leaves out the name without a number.
    """
    base = base[: MAX_LENGTH - ROOM_FOR_NUMBER]
    taken = set(rows.filter(name__startswith=base).values_list("name", flat=True))
    numbered = (base if number == 1 else f"{base} ({number})" for number in count(first))
    return next(name for name in numbered if name not in taken)
