"""Views that are answered early, before the layers that they do not need; decision 0033 says which.

A view set registers actions that say nothing but what a function makes of the key in the address:

    class Executions(Reads):
        early = {"retrieve": execution_detail, "progress": progress_by_id}

A plain view that takes POST alone, and checks a token of its own, is decorated with `early`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

View = Callable[[HttpRequest], HttpResponse]
MAX_BYTES = 4 * 2**20
"""Length of the body of an early POST; the view refuses longer ones by their Content-Length."""
CACHED_PATHS = 4096


@dataclass(frozen=True)
class EarlyView:
    """A registered view at one path; `answer` returns data for a GET, and a response for a POST."""

    route: str
    method: str
    answer: Callable[[HttpRequest], Any]


def early(view: View) -> View:
    """Register a plain view."""
    view.is_early = True  # type: ignore[attr-defined]
    return view


@lru_cache(CACHED_PATHS)
def find(path: str) -> EarlyView | None:
    """The registered view at this path, if there is one."""
    try:
        match = resolve(path)
    except Resolver404:
        return None
    if hasattr(match.func, "is_early"):
        return EarlyView(match.view_name, "POST", match.func)
    readers = getattr(getattr(match.func, "cls", None), "early", {})
    reader = readers.get(getattr(match.func, "actions", {}).get("get"))
    if reader is None:
        return None
    key = int(match.kwargs["pk"])
    return EarlyView(match.view_name, "GET", lambda _request: reader(key))
