"""Spans of traces; they do nothing until a process calls `use_span_factory`.

No tracing library is imported here: a process that is not traced loads none.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

SpanFactory = Callable[[str, dict[str, Any]], AbstractContextManager[Any]]
_NO_SPAN: AbstractContextManager[Any] = nullcontext()


def _untraced(_name: str, _attributes: dict[str, Any]) -> AbstractContextManager[Any]:
    return _NO_SPAN


_factory: SpanFactory = _untraced


def span(name: str, **attributes: Any) -> AbstractContextManager[Any]:
    """Open a span that lasts as long as the `with` block."""
    return _factory(name, attributes)


def use_span_factory(factory: SpanFactory | None) -> None:
    """Open spans with this factory; None: open none."""
    global _factory  # noqa: PLW0603  one process has one
    _factory = factory or _untraced
