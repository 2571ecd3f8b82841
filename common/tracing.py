"""Where parts of the work tell that they begin and end, for whoever traces; nobody does until asked to.

Nothing here knows a library of traces: a process that is not traced loads none.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

Opener = Callable[[str, dict[str, Any]], AbstractContextManager[Any]]
_NOTHING: AbstractContextManager[Any] = nullcontext()


def _untraced(_name: str, _attributes: dict[str, Any]) -> AbstractContextManager[Any]:
    return _NOTHING


_opener: Opener = _untraced


def span(name: str, **attributes: Any) -> AbstractContextManager[Any]:
    """One part of the work, while the `with` block lasts."""
    return _opener(name, attributes)


def trace_with(opener: Opener | None) -> None:
    """Have spans opened by this; None: by nobody."""
    global _opener  # noqa: PLW0603  one process has one
    _opener = opener or _untraced
