"""Filters and search of the console's lists; their choices need no query."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from common.admin.fields import is_id
from simulations.choices import ACTIVE, ENDED, USER_FAILURES, EventKind, FailureCode
from simulations.models import Simulation
from simulations.services.monitoring.search import numbered

MAX_IDS = 1000
"""Simulations whose executions are searched by their ids."""


class ActiveFilter(admin.SimpleListFilter):
    """Filter executions by whether they have ended."""

    title = _("activity")
    parameter_name = "active"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Active")), ("no", _("Ended"))]

    def queryset(self, _request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return rows
        return rows.filter(status__in=sorted(ACTIVE if self.value() == "yes" else ENDED))


class FailureFilter(admin.SimpleListFilter):
    """Filter by failure code, or by who is to blame."""

    title = _("failure")
    parameter_name = "failure"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, Any]]:
        codes = [(code, code) for code in FailureCode.values if code]
        return [("user", _("Any, the user's")), ("system", _("Any, the system's")), *codes]

    def queryset(self, _request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None:
            return rows
        if value == "user":
            return rows.filter(failure_code__in=sorted(USER_FAILURES))
        if value == "system":
            return rows.exclude(failure_code__in=["", *sorted(USER_FAILURES)])
        return rows.filter(failure_code=value)


class KindFilter(admin.SimpleListFilter):
    """Filter events by kind."""

    title = _("kind")
    parameter_name = "kind"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, Any]]:
        return EventKind.choices

    def queryset(self, _request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows if self.value() is None else rows.filter(kind=self.value())


class RelatedIdFilter(admin.SimpleListFilter):
    """Base of filters by the id of a related row, given in the query; listed only while in use."""

    paths: dict[str, str] = {}
    """Lookups of the id, by the name of the list's model."""

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        self._path = self.paths.get(model._meta.model_name, "")  # noqa: SLF001  as documented by Django
        super().__init__(request, params, model, model_admin)

    def lookups(self, request: HttpRequest, _admin: Any) -> list[tuple[str, Any]]:
        value = request.GET.get(str(self.parameter_name), "")
        return [(value, value)] if value else []

    def queryset(self, _request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None:
            return rows
        if not is_id(value):
            raise IncorrectLookupParameters
        return rows.filter(**{self._path: int(value)})


class ExecutionIdFilter(RelatedIdFilter):
    """Filter by execution."""

    title = _("execution")
    parameter_name = "execution"
    paths = {
        "stagerun": "execution",
        "event": "execution",
        "agentrun": "stage_run__execution",
        "recording": "stage_run__execution",
    }


class StageRunIdFilter(RelatedIdFilter):
    """Filter by stage run."""

    title = _("stage run")
    parameter_name = "stage_run"
    paths = {"agentrun": "stage_run", "recording": "stage_run"}


class SimulationIdFilter(RelatedIdFilter):
    """Filter by simulation."""

    title = _("simulation")
    parameter_name = "simulation"
    paths = {"execution": "simulation", "deletion": "simulation_id"}


class ExecutionSearchMixin:
    """Mixin before `ModelAdmin`: search by id of the execution or name of its simulation.

    `execution_path` leads from a row to its execution, with two underscores at its end; empty if it is one.
    """

    execution_path = ""
    search_help_text: Any = _("Name or number")

    def get_search_fields(self, _request: HttpRequest) -> list[str]:
        return [f"{self.execution_path}simulation__name"]

    def get_search_results(
        self, _request: HttpRequest, rows: QuerySet[Any], term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = term.strip().replace("\0", "")
        condition = self._of_simulations(term) if term else Q()
        if is_id(term):
            condition |= Q(**{f"{self.execution_path}id": int(term)})
        if wanted := numbered(term):
            number = Q(**{f"{self.execution_path}number": wanted.number})
            condition |= number & self._of_simulations(wanted.name) if wanted.name else number
        return rows.filter(condition), False

    def _of_simulations(self, part: str) -> Q:
        """Rows of simulations by a part of their name.

        Unless these are many, their ids are read first: an index finds the rows of ids, none those of names.
        """
        simulation = f"{self.execution_path}simulation"
        named = Simulation.objects.filter(name__icontains=part).values_list("pk", flat=True)
        ids = list(named[: MAX_IDS + 1])
        if len(ids) > MAX_IDS:
            return Q(**{f"{simulation}__name__icontains": part})
        return Q(**{f"{simulation}__in": ids})
