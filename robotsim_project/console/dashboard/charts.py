"""Small charts of days as SVG, without scripts; the same numbers stand in a table beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join

WIDTH, HEIGHT, BASE = 300, 62, 46
"""Size of the drawing, and the line that bars stand on; the labels of the days are below."""


@dataclass(frozen=True)
class Bar:
    """One day; `bad` is the part of the value that is drawn in the colour of failures."""

    day: date
    value: int | None
    text: str
    """The value for readers."""
    bad: int = 0

    @property
    def label(self) -> str:
        return short_date(self.day)


def bars(rows: Sequence[Bar], title: object) -> str:
    """Draw a bar for each day, the highest as high as the chart; days without a value are left out."""
    largest = max((row.value or 0 for row in rows), default=0)
    step = WIDTH / max(1, len(rows))
    return format_html(
        '<svg class="days" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<line x1="0" x2="{}" y1="{}" y2="{}"/>{}<text x="0" y="{}">{}</text>'
        '<text x="{}" y="{}" text-anchor="end">{}</text></svg>',
        WIDTH,
        HEIGHT,
        title,
        WIDTH,
        BASE + 0.5,
        BASE + 0.5,
        format_html_join(
            "", "{}", ((_bar(row, at * step, step, largest),) for at, row in enumerate(rows))
        ),
        HEIGHT - 3,
        short_date(rows[0].day) if rows else "",
        WIDTH,
        HEIGHT - 3,
        short_date(rows[-1].day) if rows else "",
    )


def short_date(day: date) -> str:
    """A day without its year, in the reader's language."""
    return date_format(day, "MONTH_DAY_FORMAT")


def _bar(row: Bar, left: float, step: float, largest: int) -> str:
    if not row.value:
        return ""
    high = max(1.5, row.value * (BASE - 4) / largest)
    low = row.bad * (BASE - 4) / largest
    return format_html(
        '<g><title>{}: {}</title><rect x="{}" y="{}" width="{}" height="{}" rx="1"/>{}</g>',
        short_date(row.day),
        row.text,
        *(f"{value:.1f}" for value in (left + 1, BASE - high, step - 2, high)),
        _bad_part(left, step, low) if row.bad else "",
    )


def _bad_part(left: float, step: float, high: float) -> str:
    high = max(1.5, high)
    return format_html(
        '<rect class="bad" x="{}" y="{}" width="{}" height="{}" rx="1"/>',
        *(f"{value:.1f}" for value in (left + 1, BASE - high, step - 2, high)),
    )
