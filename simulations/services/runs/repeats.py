"""Preview of running an execution again: with its frozen plan, and with its simulation as it is now."""

from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from common.exceptions import FieldError
from simulations.exceptions import NotStartableError
from simulations.models import Execution
from simulations.services.plan import Plan, plan_of
from simulations.services.plan_difference import Difference, plan_differences
from simulations.services.planning import freeze
from simulations.services.start_checks import check_again


@dataclass(frozen=True)
class Repeats:
    """The frozen plan, and the plan of now (None if it cannot start), with their differences.

    The errors are the reasons why a start would be refused.
    """

    frozen: Plan
    latest: Plan | None
    differences: tuple[Difference, ...]
    same_errors: tuple[FieldError, ...]
    latest_errors: tuple[FieldError, ...]

    @property
    def moved(self) -> bool:
        """Tell whether the frozen plan is of another backend, so that a repeat runs elsewhere."""
        return self.frozen.backend != settings.BACKEND


def preview(execution: Execution) -> Repeats:
    """Compare the frozen plan of an execution with that of a start now; nothing is started."""
    frozen = plan_of(execution)
    running = _running(execution)
    latest, latest_errors = _latest(execution)
    return Repeats(
        frozen=frozen,
        latest=latest,
        differences=plan_differences(frozen, latest) if latest else (),
        same_errors=(*running, *_same_errors(frozen)),
        latest_errors=(*running, *latest_errors),
    )


def _running(execution: Execution) -> tuple[FieldError, ...]:
    simulation = execution.simulation
    if simulation.deleted_at is not None:
        return (FieldError("", _("The simulation was deleted: restore it first.")),)
    active = simulation.executions.active().filter(exclusive=True)
    if simulation.concurrent_executions or not active.exists():
        return ()
    return (FieldError("", _("The simulation is running: wait for its end or stop it.")),)


def _latest(execution: Execution) -> tuple[Plan | None, tuple[FieldError, ...]]:
    try:
        return freeze(execution.simulation), ()
    except NotStartableError as error:
        return None, error.errors


def _same_errors(plan: Plan) -> tuple[FieldError, ...]:
    try:
        check_again(plan)
    except NotStartableError as error:
        return error.errors
    return ()
