"""A trajectory seen from above, as SVG: axes with units, a scale bar, marks of start and end, open gaps."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import cos, radians
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from storage.admin.rosbags import axes

WIDTH, HEIGHT = 440, 350
LEFT, TOP, RIGHT, BOTTOM = 58, 10, 14, 44
METRES_OF_DEGREE = 111_320.0
SMALLEST = {False: 0.1, True: 1e-5}
"""Least extent of a drawing, in metres or degrees: a robot that stands still is no walk of its noise."""

Point = tuple[float, float]


@dataclass(frozen=True)
class View:
    """The drawn part of the plane; `stretch` is the length of a unit across relative to one upwards."""

    left: float
    low: float
    wide: float
    high: float
    scale: float
    stretch: float

    def x(self, value: float) -> float:
        return LEFT + (value - self.left) * self.stretch * self.scale

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (value - self.low) * self.scale


def draw(trajectory: dict[str, Any]) -> str:
    """Draw a trajectory; of fixes north is up."""
    points = [(point[1], point[2]) for point in trajectory["points"]]
    if not points:
        return ""
    geographic = trajectory["geographic"]
    view = _view(points, _cosine(points) if geographic else 1.0, SMALLEST[geographic])
    names = (_("longitude (°)"), _("latitude (°)")) if geographic else ("x (m)", "y (m)")
    return format_html(
        '<svg class="storage-track" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}{}</svg>',
        WIDTH,
        HEIGHT,
        _("Trajectory seen from above"),
        _axes(view, names),
        _lines(view, points, trajectory["breaks"]),
        _marks(view, points),
        _scale_bar(view, METRES_OF_DEGREE if geographic else 1.0),
    )


def _view(points: Sequence[Point], stretch: float, smallest: float) -> View:
    (left, low), (right, high) = (
        tuple(choose(values) for values in zip(*points, strict=True)) for choose in (min, max)
    )
    room_x, room_y = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    extent_x = max((right - left) * stretch, smallest) * 1.1
    extent_y = max(high - low, smallest) * 1.1
    scale = min(room_x / extent_x, room_y / extent_y)
    wide, tall = room_x / scale / stretch, room_y / scale
    return View((left + right - wide) / 2, (low + high - tall) / 2, wide, tall, scale, stretch)


def _cosine(points: Iterable[Point]) -> float:
    """Length of a degree of longitude relative to latitude, at the mean latitude."""
    latitudes = [latitude for _longitude, latitude in points]
    return max(0.01, cos(radians(sum(latitudes) / len(latitudes))))


def _axes(view: View, names: tuple[str, str]) -> SafeString:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    across = (
        (f"{view.x(value):.1f}", TOP, bottom, bottom + 16, text)
        for value, text in axes.ticks(view.left, view.wide, 5)
    )
    upwards = (
        (f"{view.y(value):.1f}", LEFT, right, LEFT - 6, text)
        for value, text in axes.ticks(view.low, view.high, 6)
    )
    return format_html(
        '{}{}<text x="{}" y="{}" text-anchor="end">{}</text><text x="{}" y="{}">{}</text>',
        format_html_join(
            "",
            '<line x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>'
            '<text x="{0}" y="{3}" text-anchor="middle">{4}</text>',
            across,
        ),
        format_html_join(
            "",
            '<line y1="{0}" y2="{0}" x1="{1}" x2="{2}"/>'
            '<text x="{3}" y="{0}" text-anchor="end" dominant-baseline="middle">{4}</text>',
            upwards,
        ),
        right,
        HEIGHT - 8,
        names[0],
        4,
        HEIGHT - 8,
        f"↑ {names[1]}",
    )


def _lines(view: View, points: Sequence[Point], breaks: Sequence[int]) -> SafeString:
    edges = [0, *breaks, len(points)]
    legs = [points[first:stop] for first, stop in pairwise(edges)]
    texts = (" ".join(f"{view.x(x):.1f},{view.y(y):.1f}" for x, y in leg) for leg in legs)
    return format_html_join("", '<polyline points="{}"/>', ((text,) for text in texts))


def _marks(view: View, points: Sequence[Point]) -> SafeString:
    (x, y), (end_x, end_y) = ((view.x(x), view.y(y)) for x, y in (points[0], points[-1]))
    return format_html(
        '<rect class="end" x="{}" y="{}" width="11" height="11"><title>{}</title></rect>'
        '<circle class="start" cx="{}" cy="{}" r="5.5"><title>{}</title></circle>',
        f"{end_x - 5.5:.1f}",
        f"{end_y - 5.5:.1f}",
        _("End"),
        f"{x:.1f}",
        f"{y:.1f}",
        _("Start"),
    )


def _scale_bar(view: View, metres: float) -> SafeString:
    """A bar of a round length in metres, a quarter of the width at most."""
    length = axes.step(view.high * metres * 0.9, 4)
    right, y = WIDTH - RIGHT - 8, HEIGHT - BOTTOM - 10
    return format_html(
        '<path class="scale" d="M{0} {1}v6h{2}v-6"/>'
        '<text class="scale" x="{3}" y="{4}" text-anchor="end">{5} m</text>',
        f"{right - length / metres * view.scale:.1f}",
        y - 6,
        f"{length / metres * view.scale:.1f}",
        right,
        y - 10,
        f"{length:g}",
    )
