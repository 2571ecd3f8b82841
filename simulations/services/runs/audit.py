"""Starts and stops of executions in the audit log."""

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Q

from accounts.choices import AuditAction
from accounts.services.audit import record_action
from simulations.choices import Stopper
from simulations.models import Execution, Simulation


def record_start(execution: Execution, requested_by: Any) -> None:
    """Record who started an execution, within the transaction that creates it."""
    again = execution.again_of
    if again is None:
        record_action(execution, AuditAction.START, requested_by, name=_name(execution))
    else:
        values = {"again_of": again.number}
        record_action(
            execution, AuditAction.START_AGAIN, requested_by, name=_name(execution), **values
        )


def record_stop(execution: Execution, stopped_by: Any) -> None:
    """Record who or what stopped an execution, within the transaction that moves it."""
    program = stopped_by if isinstance(stopped_by, Stopper) else None
    values = {"stopper": str(program)} if program else {}
    user = None if program else stopped_by
    record_action(execution, AuditAction.STOP, user, name=_name(execution), **values)


def _name(execution: Execution) -> str:
    return f"{execution.simulation.name} #{execution.number}"


def entries_of_executions(simulation: Simulation) -> Q:
    """Return the condition for entries about the executions of a simulation."""
    return Q(
        content_type=ContentType.objects.get_for_model(Execution),
        object_id__in=simulation.executions.order_by().values("pk"),
    )
