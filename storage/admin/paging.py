"""Pages of lists that may be long."""

from functools import cached_property
from typing import Any

from django.core.paginator import Paginator

MOST = 10_000


class BoundedPaginator(Paginator[Any]):
    """Counts up to `MOST` rows and no further: the exact count of a large table takes seconds.

    Rows beyond are found by filters and search.
    """

    @cached_property
    def count(self) -> int:
        """How many rows there are, at most `MOST`."""
        rows: Any = self.object_list
        return int(rows.order_by()[:MOST].count())
