"""The health of the system for pages: each part with its state, since when it is so, and what to do.

Nobody waits long: dependencies are checked in the background, and what needs one that does not answer is
unknown.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from common.admin.badges import Tone, badge
from common.admin.times import moment
from robotsim_project.health import dependencies
from robotsim_project.health.checks import Observation
from robotsim_project.processes import presence
from simulations.backends import backend
from simulations.choices import FailureCode, backend_text
from simulations.exceptions import RedisUnreachableError
from simulations.failures import waiting_text
from simulations.live import system
from simulations.services.monitoring import overview, running
from simulations.services.runs import backend_states
from simulations.services.runs.backend_states import BackendState

MAX_AGE_SECONDS = 4.0
OPTIONAL = frozenset({"migrations", "disk"})
"""Parts that the dashboard shows only while something is wrong with them."""
TITLES = {
    "migrations": gettext_lazy("Migrations"),
    "redis": "Redis",
    "disk": gettext_lazy("Disk of this server"),
}


@dataclass(frozen=True)
class Part:
    """One part of the system."""

    name: str
    title: object
    tone: Tone
    state: str
    detail: str = ""
    """Remedy if something is wrong, else a remark."""
    since: datetime | None = None
    """When it was first seen like this; None: not known, or nothing is wrong."""
    address: str = ""

    @property
    def badge(self) -> str:
        return badge(self.tone, self.state)

    @property
    def since_text(self) -> str:
        return moment(self.since)

    @property
    def is_essential(self) -> bool:
        """Return True when the dashboard shows it."""
        return self.name not in OPTIONAL or self.tone != "ok"


@dataclass(frozen=True)
class Health:
    """All parts, and the processes seen lately; None while Redis does not answer."""

    parts: list[Part]
    processes: list[presence.Process] | None

    @property
    def live(self) -> bool:
        """Return True when Redis answers."""
        return self.processes is not None


def read(*, active: bool) -> Health:
    """Read the health of all parts.

    Args:
        active: Whether executions are active, so that the backend is in use.
    """
    observations = dependencies.latest(MAX_AGE_SECONDS)
    addresses = dependencies.addresses()
    parts = [_dependency(name, seen, addresses[name]) for name, seen in observations.items()]
    last_pass, processes, backends = None, None, None
    if observations["redis"].result.ok:
        with suppress(RedisUnreachableError):
            last_pass, processes = system.last_controller_pass(), presence.processes()
            backends = backend_states.read()
    if processes is None:
        parts += [_unknown("controller", _("Controller"))]
    else:
        parts += [_controller(last_pass, count(processes, "controller"))]
    parts += [_worker(processes), _backend(backends, active=active)]
    return Health(parts, processes)


def redis_answers() -> bool:
    """Return whether Redis answers: who asks it while it hangs waits for seconds."""
    return dependencies.CHECKS["redis"].answers(MAX_AGE_SECONDS)


def count(processes: Iterable[presence.Process], kind: str) -> int:
    """Count the processes of a kind."""
    return sum(process.kind == kind for process in processes)


def _dependency(name: str, seen: Observation, address: str) -> Part:
    result, title = seen.result, TITLES.get(name) or _title(name)
    if result.ok:
        tone: Tone = "warn" if result.note else "ok"
        state = _("see the note") if result.note else _("working")
        return Part(name, title, tone, state, result.note, None, address)
    state = _("full") if result.full else _("no answer")
    return Part(name, title, "bad", state, result.problem, seen.since, address)


def _title(name: str) -> str:
    if name == "database":
        return connection.display_name
    return _("Object storage") if settings.MINIO_ENDPOINT else _("Storage folder")


def _unknown(name: str, title: str) -> Part:
    return Part(
        name, title, "idle", _("unknown"), _("It is seen through Redis, which does not answer.")
    )


def _controller(last_pass: float | None, number: int) -> Part:
    title = _("Controller")
    if overview.controller_state(last_pass) == "ok":
        text = ngettext("%(count)d process", "%(count)d processes", number) % {"count": number}
        return Part("controller", title, "ok", _("working"), text)
    since = None if last_pass is None else datetime.fromtimestamp(last_pass, UTC)
    detail = _("No execution starts or goes on: start a controller (manage.py run_controller).")
    return Part("controller", title, "bad", _("none seen"), detail, since)


def _worker(processes: list[presence.Process] | None) -> Part:
    title = _("Worker")
    number = 0 if processes is None else count(processes, "worker")
    if processes is not None and not number:
        detail = _("Nothing is verified, exported or deleted: start one (manage.py run_worker).")
        return Part("worker", title, "bad", _("none seen"), detail)
    if overview.worker_state() == "behind":
        detail = _("Tasks wait for more than a minute: start more workers, or see what they do.")
        return Part("worker", title, "warn", _("behind"), detail)
    if processes is None:
        return _unknown("worker", title)
    text = ngettext("%(count)d process", "%(count)d processes", number) % {"count": number}
    return Part("worker", title, "ok", _("working"), text)


def _backend(reports: dict[str, BackendState] | None, *, active: bool) -> Part:
    title = _("Backend: %(name)s") % {"name": backend_text(settings.BACKEND)}
    if backend(settings.BACKEND).controller_only:
        if reports is None:
            return _unknown("backend", title)
        if part := _hindered(title, reports):
            return part
    if not active:
        return Part("backend", title, "idle", _("not in use"))
    stage_run = running.waiting()
    if stage_run is None or stage_run.waiting is None:
        return Part("backend", title, "ok", _("working"))
    since, detail = running.waiting_since(stage_run), waiting_text(stage_run.waiting)
    if stage_run.waiting["code"] == FailureCode.BACKEND_UNAVAILABLE:
        return Part("backend", title, "bad", _("no answer"), detail, since)
    return Part("backend", title, "warn", _("units wait"), detail, since)


def _hindered(title: str, reports: dict[str, BackendState]) -> Part | None:
    """Return the part while a controller is not in step with the backend, or none reports it."""
    if not reports:
        detail = _("No controller reports it: start one (manage.py run_controller).")
        return Part("backend", title, "idle", _("unknown"), detail)
    hindered = {name: state for name, state in reports.items() if state.problem}
    if not hindered:
        return None
    since = min((state.since for state in hindered.values() if state.since), default=None)
    problem = list(hindered.values())[-1].problem
    if len(hindered) == len(reports):
        return Part("backend", title, "bad", _("no answer"), problem, since)
    names = {"controllers": ", ".join(hindered), "problem": problem}
    detail = _("Only for %(controllers)s: %(problem)s") % names
    return Part("backend", title, "warn", _("in part"), detail, since)
