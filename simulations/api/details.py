"""The detail of an execution, which clients poll while it runs."""

from typing import Any

import msgspec
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from django.http import Http404

from common.db.prepared import PreparedQuery
from common.rest.reads.columns import Row, columns_of
from simulations.api.run_serializers import ExecutionSerializer
from simulations.models import Execution
from simulations.services.progress.progress import progress_of

_COLUMNS = columns_of(ExecutionSerializer)
_NEEDED = {"id", "status", "data_status", "event_count", "stop_asked_at", "ended_at", "outcome"}
_FOR_PROGRESS = [
    field.attname
    for field in Execution._meta.concrete_fields  # noqa: SLF001  in their order, as from_db wants
    if field.attname in _NEEDED
]


def _rows() -> QuerySet[Any, Any]:
    # The plan goes from the database to the client as text: nothing here looks into it.
    executions: QuerySet[Any, Any] = Execution.objects.annotate(plan_text=Cast("plan", TextField()))
    return executions.values(*sorted({*_COLUMNS.paths, *_NEEDED}), "plan_text")


_EXECUTIONS = PreparedQuery(_rows)


def execution_detail(pk: int) -> Row:
    """An execution with its plan and progress, as of ExecutionDetailSerializer.

    Raises:
        Http404: there is none with this key.
    """
    row = _EXECUTIONS.get(pk)
    if row is None:
        raise Http404
    # An instance of these columns; progress reads the others when it has to be computed anew.
    execution = Execution.from_db(None, _FOR_PROGRESS, [row[name] for name in _FOR_PROGRESS])
    plan = msgspec.Raw(row["plan_text"].encode())
    return {**_COLUMNS.to_dict(row), "plan": plan, "progress": progress_of(execution)}
