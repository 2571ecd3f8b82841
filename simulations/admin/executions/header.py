"""The head of the page: state, who started it where, and what can be done."""

from typing import Any

from common.admin.actions import admin_url
from common.admin.next_steps import next_steps
from common.admin.times import moment
from simulations.admin.executions.page_data import PageData
from simulations.admin.formatting import stopper, tone
from simulations.choices import ENDED, STOPPABLE, backend_text
from simulations.models import Mec


def status(data: PageData) -> dict[str, Any]:
    execution = data.execution
    return {
        "tone": tone(execution.status),
        "label": execution.get_status_display(),
        "ended": execution.ended,
    }


def about(data: PageData) -> dict[str, Any]:
    execution = data.execution
    return {
        "execution": execution,
        "created": moment(execution.created_at),
        "ended": moment(execution.ended_at) if execution.ended else "",
        "plan": data.plan,
        "backend": backend_text(data.plan.backend),
        "mec_url": admin_url(Mec(pk=data.plan.mec)),
        "stopper": stopper(execution) if execution.stop_asked_at else "",
        "again_of": execution.again_of,
        "again_of_url": admin_url(execution.again_of) if execution.again_of else "",
    }


def actions(data: PageData) -> dict[str, Any]:
    execution, user = data.execution, data.request.user
    may_stop = user.has_perm("simulations.stop_execution")
    return {
        "execution": execution,
        "may_stop": may_stop and execution.status in STOPPABLE,
        "steps": next_steps(user, execution),
        "may_run_again": execution.status in ENDED and user.has_perm("simulations.again_execution"),
    }
