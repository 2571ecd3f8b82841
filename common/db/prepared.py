"""Queries that are compiled to SQL once, for requests where the ORM's compiler costs the most."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.db import connections
from django.db.models import QuerySet


class Statement(NamedTuple):
    """A compiled query."""

    sql: str
    params: list[Any]
    names: list[str]
    converters: dict[int, tuple[list[Callable[..., Any]], Any]]


class PreparedQuery:
    """A query that is compiled once and returns rows as `.values()` does; only key and text may change.

    Compiling takes the ORM longer than the database takes to answer. `rows` must always return the same
    query, with `TEXT` where the text belongs; `key` is the column to filter by, None for no filter.
    """

    TEXT = "text of a prepared query"
    """Placeholder of the text during compilation."""
    _KEY = -(2**62)
    """Placeholder of the key during compilation."""

    def __init__(self, rows: Callable[[], QuerySet[Any, Any]], key: str | None = "pk") -> None:
        self._rows = rows
        self._key = key
        self._statements: dict[str, Statement] = {}

    def get(self, key: int, text: str = "") -> dict[str, Any] | None:
        """Return the first row with this key, or None."""
        rows = self.all(key, text)
        return rows[0] if rows else None

    def all(self, key: int | None = None, text: str = "") -> list[dict[str, Any]]:
        """Return all rows, or those with this key."""
        connection = connections["default"]
        statement = self._statements.get(connection.vendor)
        if statement is None:
            statement = self._statements[connection.vendor] = self._compile(connection)
        params = [
            key if param == self._KEY else text if param == self.TEXT else param
            for param in statement.params
        ]
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, params)
            rows = [list(row) for row in cursor.fetchall()]
        for index, (converters, expression) in statement.converters.items():
            for convert in converters:
                for row in rows:
                    row[index] = convert(row[index], expression, connection)
        return [dict(zip(statement.names, row, strict=True)) for row in rows]

    def _compile(self, connection: Any) -> Statement:
        rows = self._rows()
        query = (rows if self._key is None else rows.filter(**{self._key: self._KEY})).query
        compiler = query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        names = list(query.selected or [*query.values_select, *query.annotation_select])
        converters = compiler.get_converters([column[0] for column in compiler.select])
        return Statement(sql, list(params), names, converters)
