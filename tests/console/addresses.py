"""Addresses of all pages of the console, from its URLs and the rows; runs in the shell of a `World`."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, reverse

from accounts.models import User
from robotsim_project.console import navigation
from tests.console.people import ensure

HTML = "text/html"
NO_ROW = "no-such-row"
"""Search text of which a list is empty."""
WHOLE = b"<title>"
"""Tag that a page has; parts of pages have none."""
POSTED = ("_act", "_popup")
"""Ends of names that only take POST, or only work in a popup."""
ALIKE = ("_history", "_delete")
"""Ends of names of pages that look the same whatever the state of the row."""
PARTS = {model for _title, pages in navigation.PAGES for page in pages for model in page.parts}
"""Models whose rows are reached from others; their pages are lists of values."""
LEAVING = frozenset({"logout"})


def pages(share: int = 0, shares: int = 1, only: str = "") -> list[list[str]]:
    """Name and path of each page an admin can open, or of a share of them; one for each state of a row.

    Args:
        share: Number of the share.
        shares: Number of shares.
        only: Pattern of the names of pages.
    """
    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.get(email=ensure("admin")))
    found: dict[str, str] = {}
    chosen = (page for page in candidates() if re.search(only, page[0]))
    for name, path in islice(chosen, share, None, shares):
        answer = client.get(path)
        html = answer.status_code == 200 and answer["Content-Type"].startswith(HTML)
        if html and WHOLE in answer.content:
            found.setdefault(path, name)
    return [[name, path] for path, name in found.items()]


def candidates() -> Iterator[tuple[str, str]]:
    """Name and path of whatever may be a page."""
    names: dict[str, Any] = {
        f"{model._meta.app_label}_{model._meta.model_name}_": model
        for model in admin.site._registry
    }
    for pattern in patterns(admin.site.urls[0]):
        name = str(pattern.name)
        if name in LEAVING or name.endswith(POSTED) or pattern.name is None:
            continue
        model = next((model for start, model in names.items() if name.startswith(start)), None)
        yield from of_pattern(name, pattern, model)


def of_pattern(
    name: str, pattern: URLPattern, model: type[Model] | None
) -> Iterator[tuple[str, str]]:
    """Name and path of the pages of a URL: one of a row needs a row."""
    if model is not None and len(pattern.pattern.converters) == 1:
        rows = list(states(model))
        alike = name.endswith(ALIKE) or name.rpartition("_")[0] in PARTS
        for state, key in rows[:1] if alike else rows:
            yield f"{name}-{state}".rstrip("-"), reverse(f"admin:{name}", args=[key])
        return
    try:
        path = reverse(f"admin:{name}")
    except NoReverseMatch:
        return
    yield name, path
    if name.endswith("_changelist"):
        yield f"{name}-empty", f"{path}?q={NO_ROW}"


def states(model: type[Model]) -> Iterator[tuple[str, Any]]:
    """Key of one row of each state: status, and whether it is deleted."""
    fields = {field.name for field in model._meta.get_fields()}
    names = [name for name in ("status", "deleted_at", "origin", "enabled") if name in fields]
    seen = set()
    rows = model._default_manager.order_by("pk").values_list("pk", *names)
    for key, *values in rows.iterator():
        state = "-".join(
            "deleted" if name == "deleted_at" else str(value).lower()
            for name, value in zip(names, values, strict=True)
            if value not in {None, True}
        )
        if state not in seen:
            seen.add(state)
            yield state, key


def patterns(entries: Any) -> Iterator[URLPattern]:
    """All patterns of a URL table, also of included ones."""
    for entry in entries:
        if isinstance(entry, URLPattern):
            yield entry
        else:
            yield from patterns(entry.url_patterns)
