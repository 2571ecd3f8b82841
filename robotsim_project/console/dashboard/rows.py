"""Rows of the dashboard's tables: active executions, failures, work in the background."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _

from common.admin.actions import admin_url
from common.admin.numbers import number
from common.admin.times import moment, span
from simulations.admin import formatting
from simulations.choices import STOPPABLE, AgentStatus, Blame, RunStatus, blame
from simulations.failures import failure_text, remedy
from simulations.models import Execution
from simulations.services.progress.calculation import Progress


@dataclass(frozen=True)
class Row:
    """An active execution, as a row of the table."""

    execution: Execution
    progress: Progress | None
    stages: str
    agents: str
    elapsed: str
    left: str
    may_stop: bool

    @classmethod
    def of(cls, row: Execution, progress: Progress | None, request: HttpRequest) -> "Row":
        now = timezone.now()
        left = None
        if progress is not None and progress.expected_end is not None:
            left = max(0.0, (progress.expected_end - now).total_seconds())
        return cls(
            execution=row,
            progress=progress,
            stages=_stages(progress) if progress else "",
            agents=_agents(progress) if progress else "",
            elapsed=span((now - row.created_at).total_seconds()),
            left=span(left),
            may_stop=row.status in STOPPABLE
            and request.user.has_perm("simulations.stop_execution"),
        )

    @property
    def url(self) -> str:
        return admin_url(self.execution)

    @property
    def name(self) -> str:
        return formatting.execution_name(self.execution)

    @property
    def badge(self) -> str:
        return formatting.status_label(self.execution)

    @property
    def percent(self) -> int | None:
        return None if self.progress is None else int(self.progress.overall)


def _stages(progress: Progress) -> str:
    """Say which stage of how many is on."""
    begun = [stage.position for stage in progress.stages if stage.status != RunStatus.PENDING]
    values = {"stage": max(begun, default=1), "stages": len(progress.stages)}
    return _("stage %(stage)d / %(stages)d") % values


def _agents(progress: Progress) -> str:
    """List the agents by state, in the order of their life."""
    counts = ((status, progress.agents.get(status, 0)) for status in AgentStatus)
    return " · ".join(f"{status.label} {number(n)}" for status, n in counts if n)


@dataclass(frozen=True)
class Failure:
    """An execution that failed, with what to do about it."""

    execution: Execution
    text: str

    @classmethod
    def of(cls, row: Execution) -> "Failure":
        text = failure_text(row.failure_code, row.failure_values, row.failure_text)
        return cls(row, text or remedy(row.failure_code))

    @property
    def url(self) -> str:
        return admin_url(self.execution)

    @property
    def name(self) -> str:
        return formatting.execution_name(self.execution)

    @property
    def badge(self) -> str:
        """Say whose fault it was, with the code for those who look for it."""
        code = self.execution.failure_code
        text = _("to blame: %(whom)s") % {"whom": Blame(blame(code)).label}
        return format_html('<span class="tag bad" title="{}">{}</span>', code, text)

    @property
    def ended(self) -> str:
        return moment(self.execution.ended_at)
