"""Why units do not run: kept with their stage run while it lasts, and told in the timeline.

`StageRun.waiting` has a failure `code`, the `reason` of the backend, and the number of `units`.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import structlog
from django.db import transaction

from simulations.backends.base import UnitState, UnitStatus
from simulations.choices import PLAYING, EventKind, FailureCode
from simulations.exceptions import BackendError
from simulations.models import StageRun
from simulations.services.events import record_event

log = structlog.get_logger(__name__)
NOTHING: dict[str, Any] = {"code": "", "reason": "", "units": 0}


def record_pending(stage_run: StageRun, units: Iterable[UnitStatus]) -> None:
    """Record the commonest cause of the units that do not run yet; those without one are starting."""
    causes = [u for u in units if u.state is UnitState.PENDING and u.failure]
    if not causes:
        _record(stage_run, None)
        return
    ((code, count),) = Counter(unit.failure for unit in causes).most_common(1)
    reasons = Counter(unit.reason for unit in causes if unit.failure == code)
    reason = min(reasons, key=lambda text: (-reasons[text], text))
    _record(stage_run, {"code": code, "reason": reason, "units": count})


def record_unavailable(stage_run: StageRun, error: BackendError) -> None:
    """Record that nothing is known of the units, or none is launched, as the backend refuses it now."""
    _record(stage_run, {"code": error.code, "reason": str(error), "units": stage_run.units})


def _record(stage_run: StageRun, waiting: dict[str, Any] | None) -> None:
    if stage_run.waiting == waiting:
        return
    with transaction.atomic():
        rows = StageRun.objects.filter(pk=stage_run.pk, status__in=PLAYING)
        before = rows.values_list("waiting", flat=True).first() if rows.lock() else waiting
        if before != waiting:  # else another controller was first
            rows.update(waiting=waiting)
            _record_change(stage_run, before or NOTHING, waiting or NOTHING)
    stage_run.waiting = waiting


def _record_change(stage_run: StageRun, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Append an event, unless only the number of units has changed.

    Controllers that cannot use the backend may each have another reason, in each pass.
    """
    away = FailureCode.BACKEND_UNAVAILABLE
    if before["code"] == now["code"] and (before["reason"] == now["reason"] or now["code"] == away):
        return
    log.info("stage_waiting", stage_run=stage_run.pk, **now)
    payload = {"position": stage_run.position, **now}
    record_event(stage_run.execution_id, EventKind.STAGE_WAITING, payload=payload)
