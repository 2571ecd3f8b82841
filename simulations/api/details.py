"""The detail of an execution, as its address tells it; clients poll it."""

from typing import Any

import msgspec
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from django.http import Http404

from accounts.api.rows import Row, columns_of
from simulations.api.run_serializers import ExecutionSerializer
from simulations.models import Execution
from simulations.services.progress import progress_of

_NEEDED = {"id", "status", "data_status", "event_count", "stop_asked_at", "ended_at", "outcome"}
_FOR_PROGRESS = [
    field.attname
    for field in Execution._meta.concrete_fields  # noqa: SLF001  in their order, as from_db wants
    if field.attname in _NEEDED
]


def execution_detail(executions: QuerySet[Any], pk: int | str) -> Row:
    """An execution with its plan and progress (ExecutionDetailSerializer). Raises Http404."""
    columns = columns_of(ExecutionSerializer)
    # The plan goes from the database to the client as text: nothing here looks into it.
    found = executions.filter(pk=pk).order_by().annotate(plan_text=Cast("plan", TextField()))
    row = found.values(*{*columns.paths, *_FOR_PROGRESS}, "plan_text").first()
    if row is None:
        raise Http404
    # An instance of what was read; progress reads the rest when it has to be computed anew.
    execution = Execution.from_db(None, _FOR_PROGRESS, [row[name] for name in _FOR_PROGRESS])
    plan = msgspec.Raw(row["plan_text"].encode())
    return {**columns.told(row), "plan": plan, "progress": progress_of(execution)}
