"""The time line of a rosbag: activity and gaps of its topics, as SVG; names from a bag are escaped."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _

from storage.admin.recorded_times import offset
from storage.admin.rosbags import axes
from storage.models import Rosbag, RosbagTopic

BARS = 50
"""Bars of a small histogram."""
ROWS = 40
"""Rows of a time line."""
CELLS = 120
SHADES = 4
WIDTH, HEIGHT = 1200, 22
"""Of a row of the drawing, which is stretched to the width of the page."""
TICKS = 6
EDGE = 95
"""Per cent from which on the label of a tick ends at it, to stay within the drawing."""
FINEST_NS = 1_000_000
"""A range is chosen in milliseconds: nothing shorter has a time line."""


@dataclass(frozen=True)
class TimeLine:
    """A drawing and its labels; `seconds` is the duration."""

    names: list[str]
    drawing: str
    height: int
    scale: str
    seconds: str
    rest: bool


def time_line(rosbag: Rosbag, topics: Sequence[RosbagTopic], *, rest: bool) -> TimeLine | None:
    """Draw the activity of topics, darker where there are more messages; `rest`: there are further ones."""
    shown = [topic for topic in topics if topic.message_count][:ROWS]
    if not shown or (rosbag.duration_ns or 0) < FINEST_NS:
        return None
    rows = [_total(shown), *(topic.histogram for topic in shown)]
    cells = format_html_join("", "{}", ((_cells(row, at),) for at, row in enumerate(rows)))
    gaps = format_html_join(
        "", "{}", ((_gaps(rosbag, topic, at),) for at, topic in enumerate(shown, 1))
    )
    height = HEIGHT * len(rows)
    seconds = (rosbag.duration_ns or 0) / 1e9
    return TimeLine(
        names=[
            _("All topics") if not rest else _("These topics"),
            *(topic.name for topic in shown),
        ],
        drawing=format_html(
            '<svg viewBox="0 0 {} {}" height="{}" preserveAspectRatio="none" aria-hidden="true">{}{}</svg>',
            WIDTH,
            height,
            height,
            cells,
            gaps,
        ),
        height=height,
        scale=_scale(seconds),
        seconds=f"{seconds:.3f}",
        rest=rest or len(shown) < len([topic for topic in topics if topic.message_count]),
    )


def _scale(seconds: float) -> str:
    """Draw the times at round steps; positions in per cent, as the drawing is as wide as its page."""
    labels = (
        (f"{100 * value / seconds:.2f}%", _anchor(value / seconds), f"{text} s")
        for value, text in axes.ticks(0, seconds, TICKS)
    )
    return format_html(
        '<svg width="100%" height="18" aria-hidden="true">{}</svg>',
        format_html_join(
            "",
            '<line x1="{0}" x2="{0}" y1="0" y2="4"/><text x="{0}" y="15" text-anchor="{1}">{2}</text>',
            labels,
        ),
    )


def _anchor(share: float) -> str:
    if share == 0:
        return "start"
    return "end" if 100 * share > EDGE else "middle"


def activity(histogram: Sequence[int], label: str) -> str:
    """Draw a small histogram."""
    counts = rebinned(histogram, BARS)
    maximum = max(counts, default=0)
    if not maximum:
        return ""
    bars = (
        (at * 3, 24 - max(1, round(22 * count / maximum)), max(1, round(22 * count / maximum)))
        for at, count in enumerate(counts)
        if count
    )
    return format_html(
        '<svg class="storage-activity" width="{0}" height="24" viewBox="0 0 {0} 24" role="img" '
        'aria-label="{1}">{2}</svg>',
        len(counts) * 3,
        label,
        format_html_join("", '<rect x="{}" y="{}" width="2" height="{}"/>', bars),
    )


def rebinned(histogram: Sequence[int], bars: int) -> list[int]:
    """Merge the bins of a histogram into fewer bars."""
    size = max(1, -(-len(histogram) // bars))
    return [sum(histogram[at : at + size]) for at in range(0, len(histogram), size)]


def _total(topics: Sequence[RosbagTopic]) -> list[int]:
    size = max(len(topic.histogram) for topic in topics)
    full = (topic.histogram for topic in topics if len(topic.histogram) == size)
    return [sum(counts) for counts in zip(*full, strict=True)]


def _cells(histogram: Sequence[int], row: int) -> str:
    """Draw a row in a few shades, each as one path: a rectangle for each cell would be most of the page."""
    counts = rebinned(histogram, CELLS)
    maximum = max(counts, default=0) or 1
    width = WIDTH / max(1, len(counts))
    shades: dict[int, list[str]] = {}
    for at, count in enumerate(counts):
        if count:
            shade = -(-SHADES * count // maximum)
            shades.setdefault(shade, []).append(f"M{width * at:g} {HEIGHT * row + 3}{_cell(width)}")
    paths = ((f"{0.25 + 0.75 * shade / SHADES:g}", "".join(d)) for shade, d in shades.items())
    kind = "all" if row == 0 else "one"
    return format_html(
        '<g class="{}">{}</g>', kind, format_html_join("", '<path opacity="{}" d="{}"/>', paths)
    )


def _cell(width: float) -> str:
    return f"h{width * 0.86:g}v16h-{width * 0.86:g}z"


def _gaps(rosbag: Rosbag, topic: RosbagTopic, row: int) -> str:
    start, scale = rosbag.start_ns or 0, WIDTH / (rosbag.duration_ns or 1)
    marks = (
        (
            f"{(first - start) * scale:.1f}",
            HEIGHT * row + 3,
            f"{max(2.0, (last - first) * scale):.1f}",
            offset(first - start),
            offset(last - start),
        )
        for first, last in topic.gaps
    )
    return format_html_join(
        "",
        '<rect class="gap" x="{}" y="{}" width="{}" height="16"><title>{} &ndash; {}</title></rect>',
        marks,
    )
