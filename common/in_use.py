"""Checks before a row is deleted: apps above register what may still use it, unknown to lower ones."""

from collections.abc import Callable
from typing import Generic, TypeVar

Row = TypeVar("Row")


class UseChecks(Generic[Row]):
    """Checks of one kind of row; each returns why the row cannot be deleted now, or nothing."""

    def __init__(self) -> None:
        self._checks: list[Callable[[Row], str]] = []

    def register(self, check: Callable[[Row], str]) -> None:
        """Add a check; apps above call this from `ready()`."""
        if check not in self._checks:
            self._checks.append(check)

    def reason(self, row: Row) -> str:
        """Return the first reason not to delete a row; empty when nothing uses it."""
        return next(filter(None, (check(row) for check in self._checks)), "")
