"""Query sets of simulations, executions, agent runs and recordings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.db.models import Count, Exists, F, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from common.db.soft_delete import SoftDeleteQuerySet
from simulations.choices import ACTIVE, AGENT_ENDED, RECORDING_OPEN, STOPS

if TYPE_CHECKING:
    from simulations.models.execution import AgentRun, Execution, StageRun  # noqa: F401  (the generics)
    from simulations.models.link_probe import LinkProbe  # noqa: F401
    from simulations.models.recording import Recording  # noqa: F401
    from simulations.models.simulation import Simulation  # noqa: F401

OPEN_PROBES = timedelta(minutes=5)
"""Age at which a requested test of a link is not made any more."""


class SimulationQuerySet(SoftDeleteQuerySet["Simulation"]):
    """Simulations by soft deletion."""


class ExecutionQuerySet(models.QuerySet["Execution"]):
    """Executions by status."""

    def active(self) -> ExecutionQuerySet:
        """Return those that have not ended."""
        return self.filter(status__in=ACTIVE)


class StageRunQuerySet(models.QuerySet["StageRun"]):
    """Stage runs of executions."""

    def lock(self) -> int:
        """Lock these rows until the transaction ends, and return their number.

        The lock is an update, so that steps of controllers and registrations of units wait for each other
        in every database, and see what the other has written.
        """
        return self.update(units=F("units"))


class AgentRunQuerySet(models.QuerySet["AgentRun"]):
    """Attempts of agents."""

    def unfinished(self) -> AgentRunQuerySet:
        """Return those that have not ended."""
        return self.exclude(status__in=AGENT_ENDED)

    def begun(self) -> AgentRunQuerySet:
        """Return those that have begun to play: their start was measured."""
        return self.filter(start_skew_us__isnull=False)

    def failure_counts(self) -> list[tuple[str, int]]:
        """Return failure codes with the number of attempts, the most frequent first; stops are none."""
        rows = self.exclude(failure_code__in=["", *STOPS]).order_by()
        counts = rows.values_list("failure_code").annotate(number=Count("pk"))
        return list(counts.order_by("-number", "failure_code"))

    def newest(self, *fields: str) -> dict[int, tuple[Any, ...]]:
        """Return fields of the newest attempt of each agent, by agent number."""
        rows = self.order_by("attempt").values_list("number", *fields)
        return {number: tuple(values) for number, *values in rows}

    def write(self, rows: Iterable[AgentRun], fields: Sequence[str]) -> int:
        """Write fields of those of these rows that the query still has.

        By one upsert of locked rows: `bulk_update` builds an expression for each field of each row, which
        took most of the server's time when many units changed their states.

        Args:
            rows: Complete rows.
            fields: Names of the fields to write.

        Returns:
            The number of rows written.
        """
        with transaction.atomic():
            locked = self.order_by("pk").select_for_update(no_key=True)
            remaining = set(locked.values_list("pk", flat=True))
            rows = [row for row in rows if row.pk in remaining]
            self.model.objects.bulk_create(
                rows, update_conflicts=True, unique_fields=["pk"], update_fields=fields
            )
        return len(rows)


class LinkProbeQuerySet(models.QuerySet["LinkProbe"]):
    """Requested tests of links."""

    def open(self) -> LinkProbeQuerySet:
        """Return those that are to be made or being made; nobody waits for older ones."""
        since = timezone.now() - OPEN_PROBES
        return self.filter(ended_at=None, created_at__gt=since)


class RecordingQuerySet(models.QuerySet["Recording"]):
    """Recordings by status and attempt."""

    def open(self) -> RecordingQuerySet:
        """Return those whose result is not certain yet."""
        return self.filter(status__in=RECORDING_OPEN)

    def superseded(self) -> RecordingQuerySet:
        """Return those of an attempt that a newer one has replaced."""
        return self.filter(self._newer())

    def newest(self) -> RecordingQuerySet:
        """Return those of the newest attempts."""
        return self.exclude(self._newer())

    def with_superseded(self) -> RecordingQuerySet:
        """Annotate `superseded`: a newer attempt of its unit records all of it again."""
        return self.annotate(superseded=self._newer())

    def _newer(self) -> Exists:
        place = {"stage_run": OuterRef("stage_run"), "unit": OuterRef("unit")}
        return Exists(self.model.objects.filter(**place, attempt__gt=OuterRef("attempt")))

    def with_segments(self) -> RecordingQuerySet:
        """Annotate the number and bytes of the segments that are stored."""
        related: Any = self.model._meta.get_field("segments").related_model  # noqa: SLF001
        stored = related.objects.filter(recording=OuterRef("pk"), stored=True).order_by()
        of_recording = stored.values("recording")
        number = of_recording.annotate(number=Count("pk")).values("number")
        size = of_recording.annotate(total=Sum("size")).values("total")
        return self.annotate(
            segments_stored=Coalesce(Subquery(number), 0), stored_bytes=Coalesce(Subquery(size), 0)
        )
