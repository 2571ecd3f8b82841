"""Views that are answered early, before the layers that they do not need; decision 0032 says which.

A view set registers actions that say nothing but what a function makes of the key in the address:

    class Executions(Reads):
        early = {"retrieve": execution_detail, "progress": progress_by_id}

A plain view that takes POST alone, and checks a token of its own, registers itself:

    @early(max_bytes=2**20)
    def report(request: HttpRequest) -> HttpResponse: ...
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, ResolverMatch, resolve

View = Callable[[HttpRequest], HttpResponse]
AnyView = TypeVar("AnyView", bound=View)
CACHED_PATHS = 4096


@dataclass(frozen=True)
class EarlyRead:
    """A GET of a view set: `reader(key)` is the answer."""

    route: str
    reader: Callable[[int], Any]
    key: int


@dataclass(frozen=True)
class EarlyPost:
    """A POST to a plain view, with a body of at most `max_bytes`."""

    route: str
    view: View
    max_bytes: int


def early(*, max_bytes: int) -> Callable[[AnyView], AnyView]:
    """Register a plain view; it still has to refuse longer bodies by itself."""

    def register(view: AnyView) -> AnyView:
        view.early_max_bytes = max_bytes  # type: ignore[attr-defined]
        return view

    return register


@lru_cache(CACHED_PATHS)
def find(path: str) -> EarlyRead | EarlyPost | None:
    """The view at this path, if it is registered."""
    try:
        match = resolve(path)
    except Resolver404:
        return None
    max_bytes = getattr(match.func, "early_max_bytes", None)
    if max_bytes is not None:
        return EarlyPost(match.view_name, match.func, max_bytes)
    return _read(match)


def _read(match: ResolverMatch) -> EarlyRead | None:
    readers = getattr(getattr(match.func, "cls", None), "early", {})
    reader = readers.get(getattr(match.func, "actions", {}).get("get"))
    return EarlyRead(match.view_name, reader, int(match.kwargs["pk"])) if reader else None
