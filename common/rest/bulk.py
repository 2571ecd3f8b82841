"""Bulk requests: one action on many rows, each done or refused by itself."""

from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _
from rest_framework import serializers

from common.exceptions import DomainError
from common.rest.filters import MAX_ID
from common.rest.serializers import StrictSerializer, validated

MAX_IDS = 500


class BulkSerializer(StrictSerializer):
    """Ids of the rows."""

    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MAX_ID),
        min_length=1,
        max_length=MAX_IDS,
    )


class OutcomeSerializer(serializers.Serializer[Any]):
    """The outcome of one row; `code` and `detail` say why it was refused."""

    id = serializers.IntegerField()
    done = serializers.BooleanField()
    code = serializers.CharField(allow_blank=True)
    detail = serializers.CharField(allow_blank=True)


class BulkAnswerSerializer(serializers.Serializer[Any]):
    """One outcome for each id, in the order of the request."""

    results = OutcomeSerializer(many=True)


def run_action(
    data: Any, rows_by_id: Callable[[list[int]], Iterable[Model]], action: Callable[[Any], Any]
) -> dict[str, Any]:
    """Call `action` with each row that the request names.

    A DomainError becomes the outcome of its row; any other exception ends the request.

    Returns:
        The data of a `BulkAnswerSerializer`.

    Raises:
        ValidationError: `data` is not that of a `BulkSerializer`.
    """
    ids = list(dict.fromkeys(validated(BulkSerializer(data=data))["ids"]))
    rows = {row.pk: row for row in rows_by_id(ids)}
    return {"results": [_outcome(pk, rows.get(pk), action) for pk in ids]}


def _outcome(pk: int, row: Model | None, action: Callable[[Any], Any]) -> dict[str, Any]:
    if row is None:
        detail = _("There is no such row, or it was deleted: check the id.")
        return {"id": pk, "done": False, "code": "NOT_FOUND", "detail": detail}
    try:
        action(row)
    except DomainError as error:
        return {"id": pk, "done": False, "code": error.code, "detail": str(error)}
    return {"id": pk, "done": True, "code": "", "detail": ""}
