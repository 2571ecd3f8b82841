"""The same action on many rows in one request: each is done or refused for itself."""

from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _
from rest_framework import serializers

from common.exceptions import DomainError
from common.rest.serializers import Strict

MOST = 500


class BulkSerializer(Strict):
    """Ids of the rows that are meant."""

    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        min_length=1,
        max_length=MOST,
    )


class OutcomeSerializer(serializers.Serializer[Any]):
    """What became of one row; `code` and `detail` say why it was refused."""

    id = serializers.IntegerField()
    done = serializers.BooleanField()
    code = serializers.CharField(allow_blank=True)
    detail = serializers.CharField(allow_blank=True)


class BulkAnswerSerializer(serializers.Serializer[Any]):
    """One outcome for each id, in the order of the request."""

    results = OutcomeSerializer(many=True)


def each(
    data: Any, rows: Callable[[list[int]], Iterable[Model]], do: Callable[[Any], Any]
) -> dict[str, Any]:
    """Do something with each row that the request names, `rows` finds them by their ids.

    A refusal (DomainError) is told beside the others; any other error is ours and ends the request.
    """
    asked = BulkSerializer(data=data)
    asked.is_valid(raise_exception=True)
    ids = list(dict.fromkeys(asked.validated_data["ids"]))
    found = {row.pk: row for row in rows(ids)}
    return {"results": [_outcome(pk, found.get(pk), do) for pk in ids]}


def _outcome(pk: int, row: Model | None, do: Callable[[Any], Any]) -> dict[str, Any]:
    if row is None:
        detail = _("There is no such row, or it was deleted: check the id.")
        return {"id": pk, "done": False, "code": "NOT_FOUND", "detail": detail}
    try:
        do(row)
    except DomainError as error:
        return {"id": pk, "done": False, "code": error.code, "detail": str(error)}
    return {"id": pk, "done": True, "code": "", "detail": ""}
