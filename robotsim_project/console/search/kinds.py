"""Kinds of rows that can be searched: one query for each, as far as the user may see it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from accounts.services import users
from common.admin.actions import admin_url
from common.admin.badges import Tone, badge
from robotsim_project.console import navigation
from simulations.admin import formatting
from simulations.services.monitoring import search
from storage.choices import Status
from storage.models import Rosbag
from templates.models import Template

MAX_RESULTS = 6
"""Results of each kind."""
ROSBAG_TONES: dict[str, Tone] = {
    Status.READY: "ok",
    Status.READY_WITH_WARNINGS: "warn",
    Status.REPAIRED: "warn",
    Status.REJECTED: "bad",
}


@dataclass(frozen=True)
class Hit:
    """One result: its name, where it leads, and its state as a badge."""

    text: str
    url: str
    badge: str = ""
    note: str = ""


@dataclass(frozen=True)
class Group:
    """Results of one kind, and the list with all of them; without an address, these are all."""

    title: object
    hits: list[Hit]
    more: str = ""


@dataclass(frozen=True)
class Kind:
    """A kind of rows: who may see it, how it is searched, and how a row is shown."""

    title: str | Promise
    model: str
    permission: str
    rows: Callable[[str, int], Iterable[Any]]
    hit: Callable[[Any], Hit]

    def group(self, text: str) -> Group:
        """Search; one row more than is shown tells whether there are more."""
        rows = list(self.rows(text, MAX_RESULTS + 1))
        more = f"{reverse(f'admin:{self.model}_changelist')}?{urlencode({'q': text})}"
        hits = [self.hit(row) for row in rows[:MAX_RESULTS]]
        return Group(self.title, hits, more if len(rows) > MAX_RESULTS else "")


def groups(request: HttpRequest, text: str) -> list[Group]:
    """Search all kinds that the user may see; kinds without results are left out."""
    found = [kind.group(text) for kind in KINDS if request.user.has_perm(kind.permission)]
    return [group for group in [*found, _pages(request, text)] if group.hits]


def _pages(request: HttpRequest, text: str) -> Group:
    """The pages of the console by their name, in the reader's language and in English."""
    part = text.casefold()
    items = [item for section in navigation.sections(request) for item in section.items]
    found = [item for item in items if any(part in name for name in _names(item.text))]
    return Group(_("Pages"), [Hit(str(item.text), item.url) for item in found[:MAX_RESULTS]])


def _names(text: object) -> tuple[str, str]:
    local = str(text).casefold()
    with override("en"):
        return local, str(text).casefold()


def _simulation(row: Any) -> Hit:
    latest = row.latest_execution
    state = formatting.status_label(latest) if latest else badge("idle", _("not run yet"))
    return Hit(row.name, admin_url(row), state, row.description)


def _execution(row: Any) -> Hit:
    return Hit(formatting.execution_name(row), admin_url(row), formatting.status_label(row))


def _rosbag(row: Any) -> Hit:
    tone = ROSBAG_TONES.get(row.status, "run")
    note = row.get_origin_display()
    return Hit(row.name, admin_url(row), badge(tone, row.get_status_display()), note)


def _template(row: Any) -> Hit:
    return Hit(row.name, admin_url(row), note=row.robot_type)


def _mec(row: Any) -> Hit:
    state = badge("ok", _("enabled")) if row.enabled else badge("idle", _("disabled"))
    return Hit(row.name, admin_url(row), state, row.endpoint)


def _user(row: Any) -> Hit:
    state = "" if row.is_active else badge("idle", _("deactivated"))
    return Hit(str(row), admin_url(row), state, row.get_role_display())


def _named(model: Any) -> Callable[[str, int], Iterable[Any]]:
    return lambda text, limit: model.objects.named(text).order_by("-pk")[:limit]


KINDS = (
    Kind(
        gettext_lazy("Simulations"),
        "simulations_simulation",
        "simulations.view_simulation",
        search.simulations,
        _simulation,
    ),
    Kind(
        gettext_lazy("Executions"),
        "simulations_execution",
        "simulations.view_execution",
        search.executions,
        _execution,
    ),
    Kind(gettext_lazy("Rosbags"), "storage_rosbag", "storage.view_rosbag", _named(Rosbag), _rosbag),
    Kind(
        gettext_lazy("Templates"),
        "templates_template",
        "templates.view_template",
        _named(Template),
        _template,
    ),
    Kind(
        gettext_lazy("Systems under test"),
        "simulations_mec",
        "simulations.view_mec",
        search.mecs,
        _mec,
    ),
    Kind(gettext_lazy("People"), "accounts_user", "accounts.view_user", users.search, _user),
)
