"""The expected course of a design as a chart: bars on a time axis, and its totals in words."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common.admin.numbers import number, size
from common.admin.times import span
from simulations.admin.unit_words import cores_text, memory_text
from simulations.choices import Pattern
from simulations.services.designs.forecast import Amount, Certainty, Forecast, StageForecast

TICKS = 4
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
"""Seconds between two ticks of the axis, up to a day."""
OPEN_SHARE = 0.25
"""Width of a stage without a known end, as a part of what is known."""


@dataclass(frozen=True)
class Bar:
    """A stage; `left`, `width` and `delay` are percent of the axis."""

    position: int
    name: str
    facts: str
    seconds: str
    left: float
    width: float
    delay: float
    certainty: Certainty

    @property
    def end(self) -> float:
        """Start of the delay, in percent."""
        return self.left + self.width


@dataclass(frozen=True)
class Tick:
    """A mark of the axis, in percent."""

    at: float
    text: str


@dataclass(frozen=True)
class Chart:
    """Bars, the ticks of what is known, and totals."""

    bars: list[Bar]
    ticks: list[Tick]
    facts: list[tuple[str, str]]


def chart(course: Forecast) -> Chart:
    """Lay the stages of a forecast out on an axis; its ticks end where times are no longer known."""
    places = _places(course)
    end = max((left + width for left, width in places), default=0.0) or 1.0
    bars = [
        Bar(
            position=stage.position,
            name=stage.name,
            facts=_stage_facts(stage),
            seconds=words(stage.seconds, span),
            left=_percent(left, end),
            width=max(0.5, _percent(width, end)),
            delay=_percent(_delay(course, stage), end),
            certainty=stage.seconds.certainty,
        )
        for stage, (left, width) in zip(course.stages, places, strict=True)
    ]
    known = [
        s.start.value + s.seconds.value for s in course.stages if (s.start + s.seconds).is_known
    ]
    return Chart(bars, _ticks(max(known, default=0.0), end), _facts(course))


def words(amount: Amount, form: Callable[[float], str]) -> str:
    """Say an amount, and how certain it is."""
    text = form(amount.value)
    return {
        Certainty.EXACT: text,
        Certainty.ESTIMATE: _("about %(amount)s") % {"amount": text},
        Certainty.LIMIT: _("at most %(amount)s") % {"amount": text},
        Certainty.UNKNOWN: _("unknown"),
    }[amount.certainty]


def _places(course: Forecast) -> list[tuple[float, float]]:
    """Left and width of each stage; one without a known end gets a width that is no time."""
    known = sum(stage.seconds.value for stage in course.stages)
    open_width = OPEN_SHARE * known or 1.0
    places, left = [], 0.0
    for stage in course.stages:
        width = stage.seconds.value if stage.seconds.is_known else open_width
        places.append((left, width))
        if course.pattern == Pattern.SEQUENTIAL:
            left += width + stage.delay
    return places


def _delay(course: Forecast, stage: StageForecast) -> float:
    """The wait after a stage, which parallel stages and the last one do not have."""
    followed = course.pattern == Pattern.SEQUENTIAL and stage is not course.stages[-1]
    return stage.delay if followed else 0.0


def _ticks(known: float, end: float) -> list[Tick]:
    least = (known or end) / TICKS
    step: float = next((s for s in STEPS if s >= least), 0) or STEPS[-1] * math.ceil(
        least / STEPS[-1]
    )
    if least < STEPS[0] / TICKS:
        step = known or end
    count = int(known / step) if known else 0
    return [Tick(_percent(at * step, end), span(at * step)) for at in range(count + 1)]


def _percent(value: float, end: float) -> float:
    return round(100 * value / end, 2)


def _stage_facts(stage: StageForecast) -> str:
    agents = ngettext("%(count)s agent", "%(count)s agents", stage.agents)
    messages = _("messages: %(amount)s") % {"amount": words(stage.messages, number)}
    facts = [agents % {"count": number(stage.agents)}, messages]
    if stage.is_unpaced:
        facts.append(_("as fast as possible"))
    elif stage.message_rate.is_known:
        facts.append(_("%(count)s a second") % {"count": number(stage.message_rate.value)})
    if stage.unit is not None:
        words_of_units = {
            "units": number(stage.units),
            "cpu": cores_text(stage.units * stage.unit.cpu),
            "memory": memory_text(stage.units * stage.unit.memory),
        }
        facts.append(_("units: %(units)s, requesting %(cpu)s and %(memory)s") % words_of_units)
    return " · ".join(facts)


def _facts(course: Forecast) -> list[tuple[str, str]]:
    facts = [
        (_("Expected duration"), words(course.seconds, span)),
        (_("Agents at once"), number(course.agents)),
        (_("Messages"), words(course.messages, number)),
        (_("Data"), words(course.size, size)),
        (_("Peak message rate"), _rate(course.message_rate, number)),
        (_("Peak data rate"), _rate(course.byte_rate, size)),
    ]
    if course.requested is not None:
        facts += [
            (_("CPU requested at once"), cores_text(course.requested.cpu)),
            (_("Memory requested at once"), memory_text(course.requested.memory)),
        ]
    return facts


def _rate(amount: Amount, form: Callable[[float], str]) -> str:
    if not amount.is_known:
        return words(amount, form)
    return _("%(amount)s/s") % {"amount": words(amount, form)}
