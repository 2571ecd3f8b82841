"""The console's navigation: pages by the work they are for, as far as the user may see them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Page:
    """One entry; `parts` are models whose rows are reached from this page."""

    text: object
    view: str
    permission: str = ""
    parts: tuple[str, ...] = ()

    @property
    def model(self) -> str:
        """The model that it lists, as in URL names; empty for other pages."""
        return self.view.removesuffix("_changelist") if self.view.endswith("_changelist") else ""


def _list(text: object, model: str, *parts: str) -> Page:
    app, name = model.rsplit("_", 1)
    return Page(text, f"{model}_changelist", f"{app}.view_{name}", parts)


PAGES: tuple[tuple[object, tuple[Page, ...]], ...] = (
    (
        _("Run"),
        (
            Page(_("Dashboard"), "index"),
            _list(_("Simulations"), "simulations_simulation"),
            _list(
                _("Executions"),
                "simulations_execution",
                "simulations_stagerun",
                "simulations_agentrun",
                "simulations_recording",
                "simulations_event",
            ),
        ),
    ),
    (
        _("Data"),
        (
            _list(_("Rosbags"), "storage_rosbag", "storage_export"),
            _list(_("Templates"), "templates_template"),
        ),
    ),
    (
        _("Lab"),
        (
            _list(_("Systems under test"), "simulations_mec"),
            _list(_("People"), "accounts_user"),
            _list(_("Audit"), "auditlog_logentry"),
        ),
    ),
    (
        _("System"),
        (
            Page(_("Health"), "system_health", "robotsim.view_health"),
            Page(
                _("Background work"),
                "system_work",
                "robotsim.view_work",
                ("django_tasks_database_dbtaskresult", "simulations_deletion"),
            ),
            Page(_("Storage"), "system_storage", "robotsim.view_storage"),
            Page(_("Settings"), "system_settings", "robotsim.view_settings"),
            _list(_("API tokens"), "accounts_apitoken"),
        ),
    ),
)


@dataclass(frozen=True)
class Item:
    """An entry as it is shown on one page."""

    text: object
    url: str
    current: bool


@dataclass(frozen=True)
class Section:
    """A heading with its entries."""

    title: object
    items: list[Item]


def sections(request: HttpRequest) -> list[Section]:
    """Return the sections with at least one page that the user may see."""
    rows = (Section(title, list(_items(request, pages))) for title, pages in PAGES)
    return [section for section in rows if section.items]


def _items(request: HttpRequest, pages: Iterable[Page]) -> Iterator[Item]:
    for page in pages:
        if not page.permission or request.user.has_perm(page.permission):
            yield Item(page.text, reverse(f"admin:{page.view}"), _is_current(request, page))


def _is_current(request: HttpRequest, page: Page) -> bool:
    match = request.resolver_match
    name = str(match.url_name) if match else ""
    models = (*filter(None, [page.model]), *page.parts)
    return name == page.view or any(name.startswith(f"{model}_") for model in models)
