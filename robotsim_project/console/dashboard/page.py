"""The page of the dashboard, and its part that changes."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from robotsim_project.console import live
from robotsim_project.console.dashboard import first_steps
from robotsim_project.console.dashboard.cards import cards
from robotsim_project.console.dashboard.rows import Failure, Row
from robotsim_project.console.jobs import Job
from robotsim_project.console.system import health
from simulations.services.monitoring import history, running, work

MAX_EXECUTIONS = 25
MAX_FAILED = 5
MAX_WORK = 8
BUSY_SECONDS, IDLE_SECONDS = 2, 15
"""Pause between two requests of the page for its newest state."""


def page(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Show the dashboard."""
    return live.page(site, request, "robotsim/console/dashboard", _("Dashboard"), state(request))


def state(request: HttpRequest) -> dict[str, Any]:
    """Read what the dashboard shows."""
    redis_answers = health.redis_answers()
    now = running.running(MAX_EXECUTIONS, live=redis_answers)
    system = health.read(active=now.active > 0)
    failed = running.failed(MAX_FAILED)
    days = history.days(timezone.get_current_timezone())
    open_work = work.open_work(MAX_WORK + 1)
    is_empty = not (now.active or failed or any(day.executions for day in days))
    is_busy = bool(now.active or open_work)
    return {
        "rows": [Row.of(row, now.progress.get(row.pk), request) for row in now.executions],
        "running": now,
        "more": now.active - len(now.executions),
        "failed": [Failure.of(row) for row in failed],
        "work": [Job(row) for row in open_work[:MAX_WORK]],
        "more_work": len(open_work) > MAX_WORK,
        "health": system,
        "cards": cards(now, days),
        "steps": first_steps.steps(request.user) if is_empty else None,
        "as_of": timezone.now(),
        "seconds": BUSY_SECONDS if is_busy else IDLE_SECONDS,
    }
