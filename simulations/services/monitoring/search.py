"""Search for simulations and executions by what people call them, such as `rush hour #14`."""

import re
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from simulations.models import Execution, Mec, Simulation

NUMBERED = re.compile(r"(?P<name>|.*?[^\d#])\s*#?\s*(?P<number>\d{1,9})")
MAX_NAMED = 20
"""Simulations whose latest execution is shown for a name without a number."""


@dataclass(frozen=True)
class Numbered:
    """A text that may name an execution: part of a simulation's name, and a number."""

    name: str
    number: int


def numbered(text: str) -> Numbered | None:
    """Read `rush hour #14`, `rush hour 14`, `#14` or `14`."""
    match = NUMBERED.fullmatch(text.strip())
    return Numbered(match["name"].strip(), int(match["number"])) if match else None


def simulations(text: str, limit: int) -> list[Simulation]:
    """Simulations by part of their name, with their latest execution, the newest first."""
    rows = Simulation.objects.named(text).select_related("latest_execution")
    rows = rows.defer("latest_execution__plan", "latest_execution__outcome")
    return list(rows.order_by("-pk")[:limit])


def executions(text: str, limit: int) -> list[Execution]:
    """Executions by number, and by part of their simulation's name; the latest of each without a number."""
    rows = Execution.objects.select_related("simulation").defer("plan", "outcome")
    return list(rows.filter(_condition(text)).order_by("-pk")[:limit])


def mecs(text: str, limit: int) -> list[Mec]:
    """Systems under test by part of their name, slug or endpoint."""
    condition = Q(name__icontains=text) | Q(slug__icontains=text) | Q(endpoint__icontains=text)
    return list(Mec.objects.filter(condition).order_by("name")[:limit])


def _condition(text: str) -> Q:
    wanted = numbered(text)
    if wanted is None:
        return Q(pk__in=_latest(text))
    condition = Q(number=wanted.number, simulation__deleted_at__isnull=True)
    if wanted.name:
        condition &= Q(simulation__name__icontains=wanted.name)
    return condition


def _latest(text: str) -> QuerySet[Simulation, int | None]:
    named = Simulation.objects.named(text).filter(latest_execution__isnull=False)
    return named.order_by("-pk").values_list("latest_execution", flat=True)[:MAX_NAMED]
