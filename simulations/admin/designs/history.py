"""The executions of a simulation on its page: the last ones, and their trend."""

from dataclasses import dataclass
from typing import Any

from django.db.models import F

from common.admin.numbers import number
from common.admin.times import between, moment, span
from simulations.admin.formatting import failure_summary, microseconds, status_label, tone
from simulations.choices import ENDED
from simulations.models import Execution, Simulation
from simulations.services.progress.bulk import percent_by_id

ROWS = 20
MIN_PLACES = 8
"""Of a trend, so that the bars of two executions are no walls."""
FIGURES = "outcome__figures__"


@dataclass(frozen=True)
class Point:
    """An execution in a chart; `height` is percent of the highest."""

    left: float
    height: float
    tone: str
    text: str

    @property
    def top(self) -> float:
        """Upper edge, in percent from above."""
        return 100 - self.height


@dataclass(frozen=True)
class Trend:
    """A measured value over the executions that ended, oldest first."""

    points: list[Point]
    width: float
    highest: str


@dataclass(frozen=True)
class History:
    """The newest executions first, and trends of two or more that ended."""

    rows: list[Any]
    durations: Trend | None
    lateness: Trend | None


def history(simulation: Simulation) -> History:
    """Return the last executions of a simulation, in two queries and one call of Redis."""
    rows: list[Any] = list(
        Execution.objects.filter(simulation=simulation)
        .order_by("-pk")
        .defer("plan", "outcome")
        .annotate(
            lateness_us=F(f"{FIGURES}lateness_us_p99"),
            messages=F(f"{FIGURES}messages_published"),
        )[:ROWS]
    )
    percents = percent_by_id(rows)
    for row in rows:
        row.simulation = simulation
        row.percent = percents.get(row.pk)
        row.seconds = _seconds(row)
        row.label, row.when = status_label(row), moment(row.created_at)
        row.duration = between(row.created_at, row.ended_at)
        row.failure = failure_summary(row) if row.failure_code else ""
        row.messages_text, row.lateness_text = number(row.messages), microseconds(row.lateness_us)
    ended = [row for row in reversed(rows) if row.status in ENDED]
    return History(
        rows,
        _trend(ended, "seconds", span),
        _trend(ended, "lateness_us", microseconds),
    )


def _seconds(row: Execution) -> float | None:
    return None if row.ended_at is None else (row.ended_at - row.created_at).total_seconds()


def _trend(rows: list[Any], field: str, form: Any) -> Trend | None:
    values = [(row, getattr(row, field)) for row in rows if getattr(row, field) is not None]
    if len(values) < 2:  # noqa: PLR2004 - one value is no trend
        return None
    highest = max(value for _row, value in values)
    place = 100 / max(len(values), MIN_PLACES)
    points = [
        Point(
            left=round(index * place, 2),
            height=round(max(3.0, 100 * value / highest), 1) if highest else 3.0,
            tone=tone(row.status),
            text=f"#{row.number} · {row.get_status_display()} · {form(value)}",
        )
        for index, (row, value) in enumerate(values)
    ]
    return Trend(points, round(place * 0.8, 2), form(highest))
