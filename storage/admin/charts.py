"""SVG charts of the console, without scripts; everything from a bag is escaped."""

from collections.abc import Iterable, Sequence
from math import cos, radians
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _

from storage.models import Rosbag, RosbagTopic

BARS = 50
"""Bars of a small histogram."""
ROWS = 40
"""Rows of a time line."""
_MARGIN = 44


def rebinned(histogram: Sequence[int], bars: int) -> list[int]:
    """Merge the bins of a histogram into fewer bars."""
    size = max(1, -(-len(histogram) // bars))
    return [sum(histogram[at : at + size]) for at in range(0, len(histogram), size)]


def activity(histogram: Sequence[int], label: str = "") -> str:
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
        '<svg class="storage-activity" width="{}" height="24" role="img"><title>{}</title>{}</svg>',
        len(counts) * 3,
        label or _("activity"),
        format_html_join("", '<rect x="{}" y="{}" width="2" height="{}"/>', bars),
    )


def seconds(span_ns: int) -> str:
    """Format a duration."""
    return f"{span_ns / 1e9:.3f} s" if span_ns < 60 * 10**9 else f"{span_ns / 6e10:.1f} min"


def time_line(rosbag: Rosbag, topics: Sequence[RosbagTopic]) -> str:
    """Draw the activity of topics: one row each, darker where there are more messages."""
    shown = [topic for topic in topics if topic.message_count][:ROWS]
    if not shown or not rosbag.duration_ns:
        return ""
    height = 18 * len(shown) + 26
    rows = format_html_join(
        "", "{}", ((_row(rosbag, topic, at),) for at, topic in enumerate(shown))
    )
    marks = format_html_join(
        "",
        '<line x1="{0}" x2="{0}" y1="0" y2="{1}" class="mark"/>'
        '<text x="{0}" y="{2}" text-anchor="{3}">{4}</text>',
        (
            (260 + 150 * at, height - 20, height - 6, ("start", *["middle"] * 3, "end")[at], text)
            for at, text in enumerate(seconds(rosbag.duration_ns * n // 4) for n in range(5))
        ),
    )
    return format_html(
        '<svg class="storage-chart" viewBox="0 0 860 {}" role="img"><title>{}</title>{}{}</svg>',
        height,
        _("time line"),
        marks,
        rows,
    )


def _row(rosbag: Rosbag, topic: RosbagTopic, at: int) -> str:
    counts = rebinned(topic.histogram, 100)
    maximum = max(counts, default=0) or 1
    cells = (
        (260 + 6 * place, 18 * at + 3, f"{0.25 + 0.75 * count / maximum:.2f}")
        for place, count in enumerate(counts)
        if count
    )
    start, scale = rosbag.start_ns or 0, 600 / (rosbag.duration_ns or 1)
    gaps = (
        (
            f"{260 + (first - start) * scale:.1f}",
            18 * at + 15,
            f"{max(1.0, (last - first) * scale):.1f}",
        )
        for first, last in topic.gaps
    )
    name = topic.name if len(topic.name) <= 36 else f"…{topic.name[-35:]}"  # noqa: PLR2004
    return format_html(
        '<text x="252" y="{}" text-anchor="end">{}<title>{}</title></text>{}{}',
        18 * at + 14,
        name,
        topic.name[:200],
        format_html_join("", '<rect x="{}" y="{}" width="6" height="13" opacity="{}"/>', cells),
        format_html_join("", '<rect x="{}" y="{}" width="{}" height="2" class="gap"/>', gaps),
    )


def track(trajectory: dict[str, Any]) -> str:
    """Draw a trajectory from above; for fixes north is up."""
    points = [(point[1], point[2]) for point in trajectory["points"]]
    if not points:
        return ""
    stretch = _cosine(points) if trajectory["geographic"] else 1.0
    across = [(x * stretch, y) for x, y in points]
    left, low = (min(values) for values in zip(*across, strict=True))
    wide, high = (max(values) for values in zip(*across, strict=True))
    scale = 440 / (max(wide - left, high - low) or 1.0)
    placed = [(20 + (x - left) * scale, 20 + (high - y) * scale) for x, y in across]
    return format_html(
        '<svg class="storage-track" viewBox="0 0 {} {}" role="img"><title>{}</title>'
        '<polyline points="{}"/><circle cx="{}" cy="{}" r="5" class="start"/>'
        '<circle cx="{}" cy="{}" r="5" class="end"/></svg>',
        round((wide - left) * scale + 40),
        round((high - low) * scale + 40),
        _("trajectory"),
        " ".join(f"{x:.1f},{y:.1f}" for x, y in placed),
        *(f"{value:.1f}" for value in (*placed[0], *placed[-1])),
    )


def _cosine(points: Iterable[tuple[float, float]]) -> float:
    """Length of a degree of longitude relative to latitude, at the mean latitude."""
    latitudes = [latitude for _longitude, latitude in points]
    return max(0.01, cos(radians(sum(latitudes) / len(latitudes))))


def line(series: dict[str, Any], span: tuple[int, int]) -> str:
    """Draw a field over time: the mean, within the band from minimum to maximum."""
    points = series["points"]
    if not points:
        return ""
    low, high = min(point["min"] for point in points), max(point["max"] for point in points)
    height, width = 200.0, 760.0
    wide = (span[1] - span[0]) or 1

    def x_of(point: dict[str, Any]) -> float:
        middle = (point["first_ns"] + point["last_ns"]) // 2
        return _MARGIN * 2 + width * float(middle - span[0]) / wide

    def y_of(value: float) -> float:
        part = float(value / 2 - low / 2) / ((high / 2 - low / 2) or 1.0)
        return 10 + height * (1 - part)

    upper = [f"{x_of(point):.1f},{y_of(point['max']):.1f}" for point in points]
    lower = [f"{x_of(point):.1f},{y_of(point['min']):.1f}" for point in reversed(points)]
    mean = [f"{x_of(point):.1f},{y_of(point['mean']):.1f}" for point in points]
    return format_html(
        '<svg class="storage-chart" viewBox="0 0 870 236" role="img"><title>{}</title>'
        '<text x="80" y="18" text-anchor="end">{}</text><text x="80" y="212" text-anchor="end">{}</text>'
        '<polygon points="{}" class="band"/><polyline points="{}"/>'
        '<text x="88" y="230">0</text><text x="848" y="230" text-anchor="end">{}</text></svg>',
        series["field"],
        f"{high:.5g}",
        f"{low:.5g}",
        " ".join([*upper, *lower]),
        " ".join(mean),
        seconds(wide),
    )
