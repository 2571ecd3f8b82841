"""Problems of the execution: what happened, whose fault it is, what to do, and the agents concerned."""

from typing import Any

from django.utils.html import format_html
from django.utils.translation import gettext as _

from common.admin.actions import admin_url
from common.admin.numbers import number
from common.admin.times import moment, span
from simulations.admin.executions.page_data import PageData
from simulations.admin.formatting import list_url
from simulations.admin.log_lines import parse
from simulations.choices import AGENT_ENDED, STOPS, Blame, blame
from simulations.failures import failure_text, remedy, warning_texts
from simulations.models import AgentRun, StageRun
from simulations.services.progress.outages import Outage

MAX_LINES = 12
MAX_OUTAGES = 8


def context(data: PageData) -> dict[str, Any]:
    codes = _agent_codes(data)
    return {
        "failure": _failure(data),
        "stages": [_stage(data, run) for run in data.stage_runs if run.failure_code],
        "codes": codes,
        "lines": _last_lines(data) if codes else None,
        "warnings": warning_texts(data.execution.warnings),
        "outages": [_outage(data, outage) for outage in data.progress.outages[:MAX_OUTAGES]],
        "more_outages": len(data.progress.outages[MAX_OUTAGES:]),
    }


def _failure(data: PageData) -> dict[str, Any] | None:
    """The failure of the execution itself."""
    execution = data.execution
    code = execution.failure_code
    return _problem(execution, tone="warn" if code in STOPS else "bad") if code else None


def _problem(row: Any, tone: str = "bad") -> dict[str, Any]:
    code = row.failure_code
    text = failure_text(code, row.failure_values, row.failure_text)
    return {
        "code": code,
        "tone": tone,
        "text": text or remedy(code),
        "remedy": "" if code in STOPS or remedy(code) in text else remedy(code),
        "fault": Blame(blame(code)).label if code not in STOPS else "",
    }


def _stage(data: PageData, run: StageRun) -> dict[str, Any]:
    name = data.plan.stage(run.position).name
    return {
        **_problem(run),
        "position": run.position,
        "name": name,
        "url": admin_url(run),
    }


def _agent_codes(data: PageData) -> list[dict[str, Any]]:
    """The failure codes of attempts, with their number and the list of them."""
    rows = AgentRun.objects.filter(stage_run__execution=data.execution)
    return [
        {
            "code": code,
            "number": number,
            "remedy": remedy(code) or code,
            "fault": Blame(blame(code)).label,
            "url": list_url("agentrun", execution=data.execution.pk, failure=code),
        }
        for code, number in rows.failure_counts()
    ]


def _last_lines(data: PageData) -> dict[str, Any] | None:
    """The end of the log of the agent that failed first."""
    rows = AgentRun.objects.filter(stage_run__execution=data.execution, status__in=AGENT_ENDED)
    failed = rows.exclude(failure_code__in=["", *STOPS]).exclude(last_log="")
    row = failed.order_by("ended_at", "pk").first()
    if row is None:
        return None
    title = _("Agent %(number)d, attempt %(attempt)d") % {
        "number": row.number,
        "attempt": row.attempt,
    }
    return {"title": title, "url": admin_url(row), "lines": parse(row.last_log)[-MAX_LINES:]}


def _outage(data: PageData, outage: Outage) -> dict[str, Any]:
    values = {
        "stage": data.plan.stage(outage.stage).name,
        "begin": moment(outage.began_at),
        "messages": number(outage.messages),
    }
    if outage.ended_at is None:
        text = _("{stage}: lost {begin} and not back; messages that may be lost: {messages}.")
    else:
        values["duration"] = span((outage.ended_at - outage.began_at).total_seconds())
        text = _("{stage}: lost {begin} for {duration}; messages that may be lost: {messages}.")
    return {"text": format_html(text, **values)}
