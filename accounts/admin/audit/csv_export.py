"""The audit as CSV, row by row, for spreadsheets."""

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any

from auditlog.models import LogEntry
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from accounts.admin.audit.sentences import action_of, kind_of, sentence, who

MAX_ROWS = 50_000
CHUNK = 1000
BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel takes UTF-8 for the code page of Windows."""
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""Characters with which a spreadsheet takes a cell for a formula, also after spaces."""


class _Line:
    """A file that returns what is written, as csv needs one."""

    def write(self, text: str) -> str:
        return text


def safe(value: Any) -> str:
    """Return a cell that no spreadsheet runs as a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def lines(rows: QuerySet[LogEntry]) -> Iterator[str]:
    """Return the lines of a CSV file, the newest entry first; a last one says if there are more.

    They are in the language and time zone of now: those of the request have ended when they are read.
    """
    zone, language = timezone.get_current_timezone(), get_language()
    header = [_("Time"), _("Who"), _("Address"), _("Action"), _("Kind"), _("Id"), _("Name")]
    header += [_("What happened"), _("Changes")]
    more = _("Only the first %(max)d rows: filter by time.") % {"max": MAX_ROWS}

    def make() -> Iterator[str]:
        yield BYTE_ORDER_MARK + _line(header)
        for page in _pages(rows.select_related("actor").order_by("-pk")):
            with timezone.override(zone), override(language):
                text = "".join(_line(_cells(entry)) for entry in page)
            yield text
        if rows.order_by()[MAX_ROWS : MAX_ROWS + 1].exists():
            yield _line([more])

    return make()


def _pages(rows: QuerySet[LogEntry]) -> Iterator[list[LogEntry]]:
    """Yield the entries in pages: a slow reader holds no connection to the database."""
    count, last = 0, None
    while count < MAX_ROWS:
        page = list(rows.filter(pk__lt=last)[:CHUNK] if last else rows[:CHUNK])
        yield page
        count += len(page)
        if len(page) < CHUNK:
            return
        last = page[-1].pk


def _line(cells: Iterable[Any]) -> str:
    writer: Any = csv.writer(_Line())
    return str(writer.writerow(map(safe, cells)))


def _cells(entry: LogEntry) -> list[Any]:
    return [
        timezone.localtime(entry.timestamp).isoformat(timespec="seconds"),
        who(entry),
        entry.remote_addr,
        action_of(entry),
        kind_of(entry),
        entry.object_pk,
        entry.object_repr,
        sentence(entry),
        json.dumps(entry.changes_dict, ensure_ascii=False) if entry.changes_dict else "",
    ]
