"""Resources that agents of a template have used; an app above measures them."""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from templates.exceptions import NotMeasuredError
from templates.models import Template


@dataclass(frozen=True)
class Measured:
    """Means of one agent in an execution, without its share of the program, and proposed requests.

    The proposals are in thousandths of a core and in MiB.
    """

    execution: int
    name: str
    """Name of the execution."""
    transport: str
    cores: float
    memory_bytes: float
    agent_cpu: int
    agent_memory: int


Measure = Callable[[Template], Measured | None]
_measures: list[Measure] = []


def register(measure: Measure) -> None:
    """Add what measures templates; apps above call this from `ready()`."""
    if measure not in _measures:
        _measures.append(measure)


def measured(template: Template) -> Measured | None:
    """Return what agents of a template have used; None where no execution has measured it."""
    return next(filter(None, (measure(template) for measure in _measures)), None)


def require_measured(template: Template) -> Measured:
    """Return what agents of a template have used.

    Raises:
        NotMeasuredError: No execution has measured it.
    """
    if (result := measured(template)) is None:
        raise NotMeasuredError(
            _("No completed execution has measured it for five seconds: run the template first.")
        )
    return result
