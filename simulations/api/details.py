"""The details that clients poll: of an execution and of a simulation."""

from typing import Any

import msgspec
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from django.http import Http404

from common.db.prepared import PreparedQuery
from common.rest.reads.columns import Row, columns_of
from simulations.api.run_serializers import ExecutionSerializer
from simulations.api.serializers import SimulationSerializer
from simulations.api.simulations import rows
from simulations.models import Execution, Stage
from simulations.services.progress.progress import progress_of

_NEEDED = {"id", "status", "data_status", "event_count", "stop_asked_at", "ended_at", "outcome"}
_FOR_PROGRESS = [
    field.attname
    for field in Execution._meta.concrete_fields  # noqa: SLF001  in their order, as from_db wants
    if field.attname in _NEEDED
]


def _rows() -> QuerySet[Any, Any]:
    # The plan goes from the database to the client as text: nothing here looks into it.
    found: QuerySet[Any, Any] = Execution.objects.annotate(plan_text=Cast("plan", TextField()))
    return found.values(*sorted({*_COLUMNS.paths, *_NEEDED}), "plan_text")


_COLUMNS = columns_of(ExecutionSerializer)
_EXECUTIONS = PreparedQuery(_rows)


def execution_detail(pk: int) -> Row:
    """An execution with its plan and progress (ExecutionDetailSerializer). Raises Http404."""
    row = _EXECUTIONS.get(pk)
    if row is None:
        raise Http404
    # An instance of what was read; progress reads the rest when it has to be computed anew.
    execution = Execution.from_db(None, _FOR_PROGRESS, [row[name] for name in _FOR_PROGRESS])
    plan = msgspec.Raw(row["plan_text"].encode())
    return {**_COLUMNS.told(row), "plan": plan, "progress": progress_of(execution)}


_SIMULATION = columns_of(SimulationSerializer)
_STAGE = _SIMULATION.nested["stages"]
_SIMULATIONS = PreparedQuery(lambda: rows().filter(deleted_at=None).values(*_SIMULATION.paths))
_STAGES = PreparedQuery(
    lambda: Stage.objects.order_by("position").values(*_STAGE.paths), key="simulation"
)


def simulation_detail(pk: int) -> Row:
    """A living simulation with its stages (SimulationSerializer). Raises Http404."""
    row = _SIMULATIONS.get(pk)
    if row is None:
        raise Http404
    return {**_SIMULATION.told(row), "stages": [_STAGE.told(stage) for stage in _STAGES.all(pk)]}
