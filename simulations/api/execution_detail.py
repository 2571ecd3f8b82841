"""The detail of an execution, which clients poll while it runs."""

from typing import Any

import msgspec
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from django.http import Http404

from common.db.prepared import PreparedQuery
from common.rest.reads.columns import Row, columns_of
from simulations.api.execution_serializers import ExecutionSerializer
from simulations.models import Execution
from simulations.services.progress.progress import progress_of, waiting_texts

_COLUMNS = columns_of(ExecutionSerializer)
_PROGRESS_COLUMNS = {
    "id",
    "status",
    "data_status",
    "event_count",
    "stop_asked_at",
    "ended_at",
    "outcome",
}
_PROGRESS_FIELDS = [
    field.attname
    for field in Execution._meta.concrete_fields  # noqa: SLF001  in the order that from_db expects
    if field.attname in _PROGRESS_COLUMNS
]


def _rows() -> QuerySet[Any, Any]:
    # The plan is passed on as text, which saves parsing it.
    executions: QuerySet[Any, Any] = Execution.objects.annotate(plan_text=Cast("plan", TextField()))
    return executions.values(*sorted({*_COLUMNS.paths, *_PROGRESS_COLUMNS}), "plan_text")


_EXECUTIONS = PreparedQuery(_rows)


def execution_detail(pk: int) -> Row:
    """An execution with its plan, progress and waiting units, as of ExecutionDetailSerializer.

    Raises:
        Http404: it does not exist.
    """
    row = _EXECUTIONS.get(pk)
    if row is None:
        raise Http404
    # The other fields are deferred: they are loaded if progress has to be computed.
    execution = Execution.from_db(None, _PROGRESS_FIELDS, [row[name] for name in _PROGRESS_FIELDS])
    plan = msgspec.Raw(row["plan_text"].encode())
    progress = progress_of(execution)
    parts = {"plan": plan, "progress": progress, "waiting": waiting_texts(progress)}
    return {**_COLUMNS.to_dict(row), **parts}
