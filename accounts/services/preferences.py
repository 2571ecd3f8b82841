"""A person's settings of the console: language, time zone, theme, columns and filters of lists."""

from collections.abc import Mapping
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.choices import Theme
from accounts.exceptions import PreferencesInvalidError
from accounts.models import User
from common.exceptions import FieldError

MAX_LISTS = 100
MAX_COLUMNS = 50
MAX_NAME = 100
MAX_FILTERS = 2000
LIST_PARTS = frozenset({"columns", "filters"})
CHOICES = frozenset({"language", "zone", "theme"})


@cache
def zones() -> frozenset[str]:
    """Return the names of all time zones."""
    return frozenset(available_timezones())


def preferences_of(user: User) -> dict[str, Any]:
    """Return all preferences of a person; what was never chosen, or is no longer valid, is empty."""
    stored = user.preferences if isinstance(user.preferences, dict) else {}
    values = {name: _valid(name, stored.get(name)) for name in sorted(CHOICES)}
    lists = stored.get("lists")
    return {**values, "lists": lists if isinstance(lists, dict) else {}}


def change(user: User, values: Mapping[str, Any]) -> dict[str, Any]:
    """Change some preferences; lists are merged by their name, and a list of None is forgotten.

    Raises:
        PreferencesInvalidError: a value is not valid; nothing was changed.
    """
    if errors := list(_errors(values)):
        raise PreferencesInvalidError(errors=errors)
    with transaction.atomic():
        row = User.objects.select_for_update().get(pk=user.pk)
        merged = preferences_of(row)
        lists = {**merged["lists"], **values.get("lists", {})}
        merged |= {name: values[name] for name in CHOICES & set(values)}
        merged["lists"] = {name: parts for name, parts in lists.items() if parts}
        if len(merged["lists"]) > MAX_LISTS:
            detail = str(_("At most %(max)d lists are kept.")) % {"max": MAX_LISTS}
            raise PreferencesInvalidError(errors=[FieldError("/lists", detail)])
        row.preferences = merged
        row.save(update_fields=["preferences"])
    user.preferences = merged
    return preferences_of(user)


def list_preferences(user: Any, name: str) -> dict[str, Any]:
    """Return what a person keeps for a list: `columns`, and `filters` as a query string."""
    stored = preferences_of(user)["lists"].get(name) if isinstance(user, User) else None
    return stored if isinstance(stored, dict) else {}


def change_list(user: User, name: str, **parts: Any) -> None:
    """Change what a person keeps for one list; an empty part is forgotten."""
    merged = {**list_preferences(user, name), **parts}
    change(user, {"lists": {name: {part: value for part, value in merged.items() if value}}})


def _valid(name: str, value: Any) -> str:
    options = _options()[name]
    return value if isinstance(value, str) and value in options else ""


def _options() -> dict[str, frozenset[str]]:
    return {
        "language": frozenset({"", *dict(settings.LANGUAGES)}),
        "zone": zones() | {""},
        "theme": frozenset({"", *Theme.values}),
    }


MESSAGES = {
    "language": _("Choose a language of the console, or none."),
    "zone": _("Send the name of a time zone, such as Asia/Seoul, or nothing for the browser's."),
    "theme": _("Choose light or dark, or none for the browser's."),
}


def _errors(values: Mapping[str, Any]) -> list[FieldError]:
    errors = [
        FieldError(f"/{name}", str(MESSAGES[name]))
        for name in sorted(CHOICES & set(values))
        if not isinstance(values[name], str) or values[name] not in _options()[name]
    ]
    lists = values.get("lists", {})
    if not isinstance(lists, Mapping):
        return [*errors, FieldError("/lists", str(_("Send an object: lists by their name.")))]
    message = str(_("Send columns, an array of names, and filters, a query string."))
    bad = [name for name, parts in lists.items() if not _is_list(name, parts)]
    return errors + [FieldError(f"/lists/{name}", message) for name in bad[:1]]


def _is_list(name: Any, parts: Any) -> bool:
    """Tell whether a name and what is kept for it are those of a list."""
    if not _is_name(name) or parts is None:
        return _is_name(name)
    if not isinstance(parts, Mapping) or not set(parts) <= LIST_PARTS:
        return False
    columns, filters = parts.get("columns", []), parts.get("filters", "")
    return (
        isinstance(columns, list)
        and len(columns) <= MAX_COLUMNS
        and all(map(_is_name, columns))
        and isinstance(filters, str)
        and len(filters) <= MAX_FILTERS
        and "\0" not in filters
    )


def _is_name(text: Any) -> bool:
    return isinstance(text, str) and 0 < len(text) <= MAX_NAME and text.isprintable()
